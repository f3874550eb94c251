import type { Agent } from "@/api/types";

/** So many are offered. */
const OFFERED = 50;

/** The groups of these agents, by name. */
export function groupsOf(agents: readonly Agent[]): string[] {
  const groups = agents.map((agent) => agent.group).filter((group) => group !== null);
  return [...new Set(groups)].sort().slice(0, OFFERED);
}

/** The labels that these agents have, as one selects by them: `role=web`. */
export function labelsOf(agents: readonly Agent[]): string[] {
  const pairs = agents.flatMap((agent) => Object.entries(agent.labels).map(([key, value]) => `${key}=${value}`));
  return [...new Set(pairs)].sort().slice(0, OFFERED);
}

/** The keys of their labels. */
export function labelKeysOf(agents: readonly Agent[]): string[] {
  return [...new Set(agents.flatMap((agent) => Object.keys(agent.labels)))].sort().slice(0, OFFERED);
}
