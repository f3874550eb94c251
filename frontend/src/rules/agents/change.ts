import type { Agent, AgentChange } from "@/api/types";

/** What takes a change of an agent back, for the agent as it was before. */
export function inverseOf(change: AgentChange, before: Agent): AgentChange {
  const inverse: AgentChange = {};
  if (isGiven(change.name)) inverse.name = before.name;
  if (change.group !== undefined) inverse.group = before.group;
  if (isGiven(change.disabled)) inverse.disabled = before.disabled;
  if (isGiven(change.doorbell)) inverse.doorbell = before.doorbell;
  if (isGiven(change.labels)) inverse.labels = before.labels;
  const added = Object.keys(change.add_labels ?? {});
  const touched = [...added, ...(change.drop_labels ?? [])];
  if (touched.length > 0) {
    const had = Object.entries(before.labels).filter(([key]) => touched.includes(key));
    inverse.add_labels = Object.fromEntries(had);
    inverse.drop_labels = added.filter((key) => !(key in before.labels));
  }
  return inverse;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Whether the change would leave the agent as it is. */
export function isNothing(change: AgentChange, agent: Agent): boolean {
  const added = Object.entries(change.add_labels ?? {});
  return (
    (change.group === undefined || change.group === agent.group) &&
    (!isGiven(change.disabled) || change.disabled === agent.disabled) &&
    added.every(([key, value]) => agent.labels[key] === value) &&
    !(change.drop_labels ?? []).some((key) => key in agent.labels)
  );
}
