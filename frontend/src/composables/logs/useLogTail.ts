import { computed } from "vue";
import { readLogTail } from "@/api/logs";
import { keys } from "@/api/queries";
import { usePolled } from "@/composables/usePolled";
import { LogLines, type Line } from "@/rules/logs/lines";

const SHIPPING_MS = 2_000;

/** The last lines of a job's output, read again until all of it has come. */
export function useLogTail(runId: string, jobId: string, lineCount: number) {
  const { data, error } = usePolled(
    [...keys.run(runId), "tail", jobId],
    (signal) => readLogTail(runId, jobId, lineCount, signal),
    ({ data, error }) => {
      const isComing = data?.state === "streaming" || data?.state === "shipping";
      return isComing && error === null ? SHIPPING_MS : null;
    },
  );

  const lines = computed((): Line[] => {
    const log = new LogLines();
    for (const record of data.value?.records ?? []) log.add(record);
    log.commit();
    const first = Math.max(1, log.last - lineCount + 1);
    const numbers = Array.from({ length: log.last - first + 1 }, (_, index) => first + index);
    return numbers.flatMap((number) => log.line(number) ?? []);
  });
  return { lines, error };
}
