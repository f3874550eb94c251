import type { Enrollment, EnrollmentSecret } from "@/api/types";

/** Whether a join token still lets agents in, and why not. */
export type EnrollmentState = "open" | "used" | "expired";
export const ENROLLMENT_STATES = ["open", "used", "expired"] as const;

export function stateOf(enrollment: Enrollment, now: number): EnrollmentState {
  if (enrollment.uses >= enrollment.max_uses) return "used";
  return Date.parse(enrollment.expires_at) <= now ? "expired" : "open";
}

/** The new agent's configuration file; without a name the agent takes its machine's. */
export function agentJsonOf({ agent_json }: EnrollmentSecret, name: string): Record<string, string> {
  return name === "" ? agent_json : { ...agent_json, name };
}

/** One line for a shell that writes agent.json for its user alone, and starts the agent. */
export function commandOf(agentJson: Record<string, string>): string {
  const quoted = `'${JSON.stringify(agentJson).replaceAll("'", `'\\''`)}'`;
  return `(umask 077; printf '%s\\n' ${quoted} > agent.json) && plumber-agent --config agent.json`;
}
