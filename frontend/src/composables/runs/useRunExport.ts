import { onScopeDispose, ref } from "vue";
import { exportRuns } from "@/api/runs";
import type { Run } from "@/api/types";
import { t } from "@/locales";
import { formatNumber } from "@/rules/format";
import { toCsv } from "@/rules/csv";
import { exportedRows } from "@/rules/runs/exported";
import type { RunQuery } from "@/rules/runs/filter";
import { useNotices } from "@/stores/notices";

export type ExportFormat = "csv" | "json";

/** A hundred calls: who wants more asks the API, or narrows the filter. */
export const MOST_EXPORTED = 10_000;

/** Fetches all runs that fit, a hundred with each call, and saves them as a file. */
export function useRunExport() {
  const notices = useNotices();
  /** How many have come; null while nothing is exported. */
  const count = ref<number | null>(null);
  let ending: AbortController | null = null;

  async function save(query: RunQuery, format: ExportFormat): Promise<void> {
    if (ending !== null) return;
    ending = new AbortController();
    count.value = 0;
    try {
      const { runs, isWhole } = await collect(query, ending.signal);
      const text = format === "csv" ? toCsv(exportedRows(runs)) : JSON.stringify(runs, null, 2);
      download(text, format);
      if (!isWhole) notices.done(t("history.exportCut", { n: formatNumber(runs.length) }));
    } catch (error) {
      if (!ending.signal.aborted) notices.failed(error);
    } finally {
      ending = null;
      count.value = null;
    }
  }

  async function collect(query: RunQuery, signal: AbortSignal): Promise<{ runs: Run[]; isWhole: boolean }> {
    const runs: Run[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: Run[]; next: string | null } = await exportRuns(query, cursor, signal);
      runs.push(...page.items);
      count.value = runs.length;
      cursor = page.next;
    } while (cursor !== null && runs.length < MOST_EXPORTED);
    return { runs, isWhole: cursor === null };
  }

  const stop = () => ending?.abort();
  onScopeDispose(stop);
  return { count, save, stop };
}

const TYPES = { csv: "text/csv;charset=utf-8", json: "application/json" };

function download(text: string, format: ExportFormat): void {
  const url = URL.createObjectURL(new Blob([text], { type: TYPES[format] }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `plumber-runs.${format}`;
  link.click();
  URL.revokeObjectURL(url);
}
