import type { Job, JobState, RunStep } from "@/api/types";
import { JOB_STATES } from "@/rules/states";

/** Jobs of a step that are in one state, or in one of those that a wide step does not tell apart. */
export interface JobGroup {
  key: string;
  states: readonly JobState[];
  /** Null where a wide step does not say. */
  count: number | null;
  /** Those that the run's page has; `isWhole` when they are all. */
  jobs: Job[];
  isWhole: boolean;
  /** Whether one looks at these first. */
  isOpen: boolean;
}

/** What has been put out, and what has not ended. */
const OUT_STATES = ["running", "claimed", "queued"] as const;
const OPEN_STATES = [...OUT_STATES, "waiting"] as const;
/** Of so many jobs nobody wants groups. */
const FEW = 8;
const QUIET: ReadonlySet<JobState> = new Set(["succeeded", "skipped", "waiting"]);

/** The jobs of a step, what failed first, then what goes on, what succeeded last. */
export function groupsOf(step: RunStep): JobGroup[] {
  const total = step.progress.total ?? step.jobs.length;
  if (total <= FEW && step.jobs_omitted === 0) {
    const jobs = inOrder(step.jobs);
    return jobs.length === 0 ? [] : [group("all", JOB_STATES, jobs.length, jobs, true)];
  }
  const ended = JOB_STATES.filter((state) => !isOpenState(state)).flatMap((state) => {
    const count = step.progress.counts[state] ?? 0;
    return count === 0 ? [] : [group(state, [state], count, of(step, [state]), !QUIET.has(state))];
  });
  const failed = ended.filter(({ key }) => !QUIET.has(key as JobState));
  const others = ended.filter(({ key }) => QUIET.has(key as JobState));
  return [...failed, ...openGroups(step, total), ...others];
}

function openGroups(step: RunStep, total: number): JobGroup[] {
  if (step.open !== null) {
    return OPEN_STATES.flatMap((state) => {
      const count = step.open?.[state] ?? 0;
      return count === 0 ? [] : [group(state, [state], count, of(step, [state]), !QUIET.has(state))];
    });
  }
  const count = total - step.progress.ended;
  if (count <= 0) return [];
  const out = of(step, OUT_STATES);
  if (!isRolling(step)) return [group("open", OUT_STATES, count, out, true)];
  // How many wait for a slot is known to nobody: jobs that wait are not stored.
  return [
    group("open", OUT_STATES, null, out, true),
    group("waiting", ["waiting"], null, of(step, ["waiting"]), false),
  ];
}

function isRolling(step: RunStep): boolean {
  return step.waves.length > 1 || step.waves.some((wave) => wave.at_once < wave.size);
}

function group(
  key: string,
  states: readonly JobState[],
  count: number | null,
  jobs: Job[],
  isOpen: boolean,
): JobGroup {
  return { key, states, count, jobs, isWhole: count !== null && jobs.length >= count, isOpen };
}

function of(step: RunStep, states: readonly JobState[]): Job[] {
  return inOrder(step.jobs.filter((job) => states.includes(job.state)));
}

function isOpenState(state: JobState): boolean {
  return (OPEN_STATES as readonly JobState[]).includes(state);
}

function inOrder(jobs: readonly Job[]): Job[] {
  const rank = (job: Job) => JOB_STATES.indexOf(job.state as (typeof JOB_STATES)[number]);
  return [...jobs].sort((one, other) => rank(one) - rank(other) || one.index - other.index);
}

/** The job before or after another one among those that failed, around the ends. */
export function nextFailed(jobs: readonly Job[], from: string | null): Job | null {
  const failed = jobs.filter((job) => ["failed", "timed_out", "lost"].includes(job.state));
  const at = failed.findIndex((job) => job.id === from);
  return failed[(at + 1) % Math.max(1, failed.length)] ?? null;
}
