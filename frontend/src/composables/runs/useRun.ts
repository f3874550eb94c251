import { computed } from "vue";
import { Code, hasCode } from "@/api/errors";
import { getRun } from "@/api/runs";
import type { Job, RunDetail } from "@/api/types";
import { usePolling, type Polling } from "@/composables/usePolling";
import { hasBegun, isActive } from "@/rules/states";

const ACTIVE_MS = 1_000;
const RETRY_MS = 5_000;

/** A run, read every second until it has ended. */
export function useRun(id: string) {
  const polling: Polling<RunDetail> = usePolling(
    (signal) => getRun(id, signal),
    () => {
      if (polling.error.value !== null) {
        return hasCode(polling.error.value, Code.notFound) ? null : RETRY_MS;
      }
      const detail = polling.data.value;
      return detail === null || isActive(detail.run.state) ? ACTIVE_MS : null;
    },
  );
  const jobs = computed(() => polling.data.value?.steps.flatMap((step) => step.jobs) ?? []);
  return { ...polling, jobs };
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
