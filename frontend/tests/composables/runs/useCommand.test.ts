import { beforeEach, expect, it } from "vitest";
import { useCommand } from "@/composables/runs/useCommand";
import { farSide, pass, settled, stopTime, type Call } from "../../farSide";
import { mounted } from "../../mounted";

const FITTING = { agents: 3, not_online: 1, first: [] };

let calls: Call[];
let command: ReturnType<typeof useCommand>;

beforeEach(() => {
  stopTime();
  calls = farSide();
  command = mounted(useCommand);
});

it("asks whom it fits once somebody has stopped typing, and shows nothing that is old", async () => {
  const { draft, match } = command;
  for (const selector of ["r", "ro", "role=web"]) {
    draft.value.selector = selector;
    await pass(100);
  }
  expect([calls.length, match.value]).toEqual([0, null]);
  await pass(250);
  expect(calls.map(({ path, body }) => [path, body])).toEqual([["/agents/match", { selector: "role=web" }]]);
  await calls[0]?.answer(FITTING);
  expect(match.value?.agents).toBe(3);
  draft.value.selector = "role=db";
  await settled();
  expect(match.value).toBeNull();
});

it("says at its field what is not understood, until it is written anew", async () => {
  const { draft, fault, match } = command;
  draft.value.selector = "role=(";
  await pass(300);
  await calls[0]?.refuse(404, 2001, "There is no agent 'x'.");
  expect([fault.value?.field, match.value]).toEqual(["agents", null]);
  draft.value.selector = "role=web";
  await settled();
  expect(fault.value).toBeNull();
});

it("runs nothing before it is said on whom", async () => {
  command.draft.value.text = "uptime";
  expect(await command.run()).toBeUndefined();
  expect(calls).toEqual([]);
});

it("sends the same again under the same key when the answer was lost, and another under its own", async () => {
  const { draft, run, error } = command;
  draft.value.text = "uptime";
  draft.value.kind = "all";
  await pass(300);
  const posts = () => calls.filter((call) => call.path === "/commands");
  const first = run();
  await settled();
  await posts()[0]?.breakOff();
  expect(await first).toBeUndefined();
  expect(error.value).not.toBeNull();
  const second = run();
  await settled();
  await posts()[1]?.answer({ id: "R1" });
  expect((await second)?.id).toBe("R1");
  void run();
  await settled();
  const keys = posts().map((call) => call.headers["idempotency-key"]);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[2]).not.toBe(keys[1]);
  expect(posts()[0]?.body).toEqual({ all: true, command: "uptime" });
});
