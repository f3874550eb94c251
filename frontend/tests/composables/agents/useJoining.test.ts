import { beforeEach, expect, it } from "vitest";
import type { Enrollment } from "@/api/types";
import { useJoining } from "@/composables/agents/useJoining";
import { farSide, pass, settled, stopTime, type Call } from "../../farSide";
import { hide, mounted } from "../../mounted";

const HOUR = 3_600_000;
let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

function token(values: Partial<Enrollment> = {}): Enrollment {
  const expires_at = new Date(Date.now() + HOUR).toISOString();
  return { id: "E", uses: 0, max_uses: 1, expires_at, ...values } as Enrollment;
}

const agent = (id: string, status: string) => ({ id, name: id, status });

async function tell(made: Enrollment, agents: object[]): Promise<void> {
  await settled();
  await calls.at(-1)?.answer({ ...made, uses: agents.length, agents });
  await settled();
}

it("asks every two seconds until the agent is online, and then no more", async () => {
  const made = token();
  const { connected, isComplete } = mounted(() => useJoining(made));
  await tell(made, []);
  await pass(2_000);
  await tell(made, [agent("a", "never_seen")]);
  expect([calls.length, isComplete.value]).toEqual([2, false]);
  await pass(2_000);
  await tell(made, [agent("a", "online")]);
  expect([connected.value.length, isComplete.value]).toEqual([1, true]);
  await pass(HOUR);
  expect(calls).toHaveLength(3);
});

it("waits for all of several", async () => {
  const made = token({ max_uses: 2 });
  const { connected, isComplete } = mounted(() => useJoining(made));
  await tell(made, [agent("a", "online")]);
  expect([connected.value.length, isComplete.value]).toEqual([1, false]);
  await pass(2_000);
  await tell(made, [agent("a", "online"), agent("b", "online")]);
  expect(isComplete.value).toBe(true);
});

it("asks more seldom when nobody comes for long, and not at all once nobody can come any more", async () => {
  const made = token();
  const { isExpired } = mounted(() => useJoining(made));
  await tell(made, []);
  for (let turn = 0; turn < 301; turn++) {
    await pass(2_000);
    await tell(made, []);
  }
  const before = calls.length;
  await pass(14_000);
  expect(calls.length - before).toBeLessThanOrEqual(1);
  await pass(HOUR);
  await tell(made, []);
  expect(isExpired.value).toBe(true);
  const atTheEnd = calls.length;
  await pass(HOUR);
  expect(calls).toHaveLength(atTheEnd);
});

it("asks nothing in a hidden tab", async () => {
  const made = token();
  mounted(() => useJoining(made));
  await tell(made, []);
  hide(true);
  await pass(60_000);
  expect(calls).toHaveLength(1);
});

it("stops when the join token is revoked meanwhile", async () => {
  mounted(() => useJoining(token()));
  await calls[0]?.refuse(404, 1004, "There is no enrollment with the id 'E'.");
  await pass(60_000);
  expect(calls).toHaveLength(1);
});
