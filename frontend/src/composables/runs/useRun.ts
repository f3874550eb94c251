import { computed, shallowRef, watch } from "vue";
import { Code, hasCode } from "@/api/errors";
import { getJob, getRun } from "@/api/runs";
import type { Job, RunDetail } from "@/api/types";
import { usePolling, type Polling } from "@/composables/usePolling";
import { hasBegun, isActive } from "@/rules/states";

const ACTIVE_MS = 1_000;
const RETRY_MS = 5_000;

/**
 * A run, read every second until it has ended. `chosen` is the id of a job that is wanted in any
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

  const polling: Polling<RunDetail> = usePolling(
    read,
    () => {
      if (polling.error.value !== null) {
        return hasCode(polling.error.value, Code.notFound) ? null : RETRY_MS;
      }
      const detail = polling.data.value;
      return detail === null || isActive(detail.run.state) ? ACTIVE_MS : null;
    },
  );
  watch(chosen, (jobId) => {
    const detail = polling.data.value;
    if (jobId !== null && detail !== null && !isShown(detail, jobId)) void polling.refresh();
  });
  const shown = computed(() => polling.data.value?.steps.flatMap((step) => step.jobs) ?? []);
  const jobs = computed(() => (beside.value ? [...shown.value, beside.value] : shown.value));
  return { ...polling, jobs };
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
