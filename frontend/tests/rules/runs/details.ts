import type { Job, JobState, RunDetail, RunStep, RunWave } from "@/api/types";

/** So many seconds after the run began. */
export const at = (seconds: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + seconds * 1_000).toISOString();

/** A job as the API answers it; times are seconds after the run began. */
export function job(
  index: number,
  state: JobState,
  [from, to]: [number | null, number | null] = [null, null],
  more: Partial<Job> = {},
): Job {
  return {
    id: `1-${index}`, step: 1, index, agent_id: `${index}`, agent_name: `web-${index}`,
    agent_status: null, state, attempt: 1, exit_code: null, reason: null, stop_requested: false,
    queued_at: null, deliver_by: null, not_before: null, started_at: from === null ? null : at(from),
    ended_at: to === null ? null : at(to), duration_seconds: null, log: null, earlier: [], late: null,
    stopped_by: null, ...more,
  }; // prettier-ignore
}

/** A step with these jobs. */
export function step(jobs: Job[], more: Partial<RunStep> = {}): RunStep {
  const counts: Record<string, number> = {};
  const open: Record<string, number> = {};
  for (const { state, ended_at: ended } of jobs) {
    const of = ended === null ? open : counts;
    of[state] = (of[state] ?? 0) + 1;
  }
  const ended = Object.values(counts).reduce((total, each) => total + each, 0);
  const targets = { agent_ids: [], all: false, labels: { role: "web" }, group: null, selector: null };
  const asWritten = {
    command: "make", script: null, env: {}, path: null, retries: 0, timeout_seconds: null, targets,
  }; // prettier-ignore
  return {
    number: 1, name: "build", step: asWritten as unknown as RunStep["step"], targets: "role=web",
    state: "running", progress: { total: jobs.length, ended, percent: 0, counts }, open, waves: [],
    tolerated_failures: 0, started_at: at(0), ended_at: null, duration_seconds: null, jobs,
    jobs_omitted: 0, ...more,
  }; // prettier-ignore
}

export function wave(first: number, size: number, atOnce: number, more: Partial<RunWave> = {}): RunWave {
  return { first, size, at_once: atOnce, counts: {}, started_at: null, ended_at: null, ...more };
}

/** A run with these steps, from its beginning to `end`. */
export function detail(steps: RunStep[], end: number | null, more: Partial<RunDetail["run"]> = {}): RunDetail {
  const run = {
    id: "R1", task_id: "T1", task_name: "deploy", revision: 1, state: end === null ? "running" : "succeeded",
    code: 0, reason: null, trigger: "person", triggered_by: { kind: "token", id: "t", name: "ann" },
    stopped_by: null, parameters: {}, secrets: [], concurrency: "allow", is_held: false, retry_of: null,
    step: 1, step_count: steps.length, tolerated_failures: 0, retries: [],
    progress: { total: 1, known: 1, ended: 0, percent: 0, counts: {}, steps: 1, steps_ended: 0 },
    created_at: at(-2), started_at: at(0), ended_at: end === null ? null : at(end),
    duration_seconds: end, ...more,
  } as RunDetail["run"]; // prettier-ignore
  return { run, steps, cause: null };
}
