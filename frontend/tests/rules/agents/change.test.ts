import { expect, it } from "vitest";
import type { Agent, AgentChange } from "@/api/types";
import { inverseOf, isNothing } from "@/rules/agents/change";

const agent = { name: "web-1", group: "prod", disabled: false, doorbell: true, labels: { role: "web", zone: "a" } } as unknown as Agent;

/** As the control plane applies it: dropped first, then added. */
function after(change: AgentChange, before: Agent): Agent {
  const labels = { ...(change.labels ?? before.labels) };
  for (const key of change.drop_labels ?? []) delete labels[key];
  Object.assign(labels, change.add_labels);
  const { disabled, group } = change;
  return { ...before, labels, disabled: disabled ?? before.disabled, group: group === undefined ? before.group : group };
}

it.each<AgentChange>([
  { disabled: true },
  { group: "stage" },
  { group: null },
  { add_labels: { zone: "b", new: "" }, drop_labels: ["role", "none"] },
  { labels: {} },
])("takes back %j", (change) => {
  const changed = after(change, agent);
  expect(changed).not.toEqual(agent);
  expect(after(inverseOf(change, agent), changed)).toEqual(agent);
});

it("touches nothing but what was changed", () => {
  expect(inverseOf({ disabled: true }, agent)).toEqual({ disabled: false });
  expect(inverseOf({ add_labels: { zone: "b" } }, agent)).toEqual({ add_labels: { zone: "a" }, drop_labels: [] });
});

it("knows who is so already", () => {
  expect(isNothing({ disabled: false }, agent)).toBe(true);
  expect(isNothing({ group: "prod" }, agent)).toBe(true);
  expect(isNothing({ group: null }, agent)).toBe(false);
  expect(isNothing({ add_labels: { zone: "a" }, drop_labels: ["none"] }, agent)).toBe(true);
  expect(isNothing({ add_labels: { zone: "b" } }, agent)).toBe(false);
  expect(isNothing({ drop_labels: ["role"] }, agent)).toBe(false);
});
