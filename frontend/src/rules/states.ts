import type { AgentStatus, JobState, RunState, StepState } from "@/api/types";
import { t } from "@/locales";

export type State = JobState | RunState | StepState | AgentStatus;

/** How a state looks: one of six, the same everywhere. */
export type Tone = "good" | "bad" | "warn" | "busy" | "idle" | "none";

export const TONES: Readonly<Record<State, Tone>> = {
  waiting: "none",
  queued: "idle",
  claimed: "busy",
  running: "busy",
  cancelling: "warn",
  succeeded: "good",
  failed: "bad",
  timed_out: "bad",
  lost: "bad",
  undelivered: "bad",
  cancelled: "warn",
  skipped: "none",
  online: "good",
  offline: "bad",
  disabled: "warn",
  never_seen: "none",
};

/** What a bar of such a tone is filled with. */
export const FILLS: Readonly<Record<Tone, string>> = {
  good: "bg-good",
  bad: "bg-bad",
  warn: "bg-warn",
  busy: "bg-accent",
  idle: "bg-idle",
  none: "bg-line-strong",
};

/** A state in words. */
export function stateText(state: State): string {
  return t(`state.${state}`);
}

/** In the order in which one looks for them. */
export const RUN_STATES = [
  "queued", "running", "cancelling", "succeeded", "failed", "timed_out", "cancelled",
] as const; // prettier-ignore
export const JOB_STATES = [
  "failed", "timed_out", "lost", "undelivered", "cancelled", "running", "claimed", "queued",
  "waiting", "succeeded", "skipped",
] as const; // prettier-ignore
export const AGENT_STATUSES = ["online", "offline", "disabled", "never_seen"] as const;

const ACTIVE_RUNS: ReadonlySet<RunState> = new Set(["queued", "running", "cancelling"]);

/** Whether a run may still change. */
export function isActive(state: RunState): boolean {
  return ACTIVE_RUNS.has(state);
}

/** Whether a job has begun, so that it may have output. */
export function hasBegun(state: JobState): boolean {
  return !["waiting", "queued", "skipped", "undelivered"].includes(state);
}
