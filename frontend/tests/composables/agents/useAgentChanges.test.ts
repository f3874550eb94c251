import { beforeEach, expect, it } from "vitest";
import type { Agent } from "@/api/types";
import { useAgentChanges } from "@/composables/agents/useAgentChanges";
import { useNotices } from "@/stores/notices";
import { farSide, settled, stopTime, type Call } from "../../farSide";
import { mounted } from "../../mounted";

let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

const agent = (id: string, disabled: boolean) => ({ id, name: id, group: null, labels: {}, disabled }) as unknown as Agent;
const use = () => mounted(() => ({ ...useAgentChanges(), notices: useNotices() }));

it("changes those that are not so already, and takes back what it has changed", async () => {
  const { change, notices } = use();
  const done = change([agent("a", false), agent("b", true), agent("c", false)], { disabled: true });
  await settled();
  expect(calls.map(({ path, body }) => [path, body])).toEqual([
    ["/agents/a", { disabled: true }],
    ["/agents/c", { disabled: true }],
  ]);
  await calls[0]?.answer({});
  await calls[1]?.refuse(409, 1005, "Others keep changing it.");
  expect(await done).toBeNull();
  expect(notices.notices.map(({ kind, text }) => [kind, text])).toEqual([
    ["failed", "1 agent was not changed: Others keep changing it."],
    ["done", "a is changed."],
  ]);
  notices.notices[1]?.undo?.();
  await settled();
  expect(calls.slice(2).map(({ path, body }) => [path, body])).toEqual([["/agents/a", { disabled: false }]]);
});

it("leaves it to who asked to say why nothing was changed", async () => {
  const { change, notices } = use();
  const done = change([agent("a", false)], { add_labels: { k: "v" } });
  await settled();
  await calls[0]?.refuse(400, 1001, "An agent has at most 50 labels, and these are 51.");
  expect(String(await done)).toContain("at most 50 labels");
  expect(notices.notices).toEqual([]);
});
