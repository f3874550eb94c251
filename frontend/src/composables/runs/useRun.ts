import { computed, shallowRef, watch } from "vue";
import { Code, hasCode } from "@/api/errors";
import { keys } from "@/api/queries";
import { getJob, getRun } from "@/api/runs";
import type { Job, RunDetail } from "@/api/types";
import { usePolled, type Heard } from "@/composables/usePolled";
import { hasBegun, isActive } from "@/rules/states";

const ACTIVE_MS = 1_000;
/** A wide run costs more to show, and what is new is there within two seconds all the same. */
const WIDE_MS = 1_500;
const RETRY_MS = 5_000;

/**
 * A run, read every second or so until it has ended. `chosen` is the id of a job that is wanted in any
 * case: a wide run shows but its first jobs and those that failed.
 */
export function useRun(id: string, chosen: () => string | null = () => null) {
  const beside = shallowRef<Job | null>(null);

  async function read(signal: AbortSignal): Promise<RunDetail> {
    const detail = await getRun(id, signal);
    const jobId = chosen();
    beside.value = jobId === null || isShown(detail, jobId) ? null : await find(jobId, signal);
    return detail;
  }

  async function find(jobId: string, signal: AbortSignal): Promise<Job | null> {
    try {
      return await getJob(id, jobId, signal);
    } catch (error) {
      if (hasCode(error, Code.notFound)) return null;
      throw error;
    }
  }

  const { data, error, isPending, refetch } = usePolled(keys.run(id), read, interval);

  async function refresh(): Promise<void> {
    await refetch();
  }

  watch(chosen, (jobId) => {
    if (jobId !== null && data.value && !isShown(data.value, jobId)) void refresh();
  });
  const shown = computed(() => data.value?.steps.flatMap((step) => step.jobs) ?? []);
  const jobs = computed(() => (beside.value ? [...shown.value, beside.value] : shown.value));
  return { data, error, isPending, refresh, jobs };
}

function interval({ data, error }: Heard<RunDetail>): number | null {
  if (error !== null) return hasCode(error, Code.notFound) ? null : RETRY_MS;
  if (data === undefined) return ACTIVE_MS;
  if (!isActive(data.run.state)) return null;
  return data.steps.some((step) => step.jobs_omitted > 0) ? WIDE_MS : ACTIVE_MS;
}

function isShown(detail: RunDetail, jobId: string): boolean {
  return detail.steps.some((step) => step.jobs.some((job) => job.id === jobId));
}

/** The job whose output is of most interest: what runs, else what failed, else what came last. */
export function mostInteresting(jobs: readonly Job[]): Job | null {
  const begun = jobs.filter((job) => hasBegun(job.state));
  return (
    begun.find((job) => job.state === "running" || job.state === "claimed") ??
    begun.find((job) => ["failed", "timed_out", "lost"].includes(job.state)) ??
    begun[begun.length - 1] ??
    null
  );
}
