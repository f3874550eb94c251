import { onScopeDispose, ref, shallowRef } from "vue";
import { Code, hasCode, isAbort, messageOf } from "@/api/errors";
import { readLog } from "@/api/runs";
import type { LogPage } from "@/api/types";
import { LineBuffer, type Line } from "@/log/lines";

const INTERVAL_MS = 1_000;
const RETRY_MS = 5_000;
/** Limits of the API's pages (operations/logs.py): a page that reaches one has more behind it. */
const PAGE_RECORDS = 4_000;
const PAGE_BYTES = 512 * 1_024;

/**
 * A job's log, read on until it is complete: at most once a second, except while the pages are
 * full. Rests while the tab is hidden, ends with the component that uses it.
 */
export function useLog(runId: string, jobId: string) {
  const buffer = new LineBuffer();
  const lines = shallowRef<readonly Line[]>([]);
  const dropped = ref(0);
  const state = ref<LogPage["state"] | null>(null);
  const error = ref("");
  const aborter = new AbortController();
  let cursor = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function poll(): Promise<void> {
    try {
      const page = await readLog(runId, jobId, cursor, aborter.signal);
      take(page);
      if (page.state === "streaming" || page.state === "shipping" || isFull(page)) {
        schedule(isFull(page) ? 0 : INTERVAL_MS);
      }
    } catch (caught) {
      if (isAbort(caught)) return;
      // A job that has not begun has no log: that is no error, only too early.
      error.value = hasCode(caught, Code.notFound) ? "" : messageOf(caught);
      schedule(error.value ? RETRY_MS : INTERVAL_MS);
    }
  }

  function take(page: LogPage): void {
    error.value = "";
    cursor = page.next;
    state.value = page.state;
    if (page.records.length === 0) return;
    buffer.append(page.records);
    dropped.value = buffer.dropped;
    lines.value = buffer.lines.slice(); // a new array, so that who looks at it sees the change
  }

  function schedule(delay: number): void {
    clearTimeout(timer);
    if (!aborter.signal.aborted) timer = setTimeout(() => void pollIfVisible(), delay);
  }

  function pollIfVisible(): Promise<void> | void {
    if (!document.hidden) return poll();
    document.addEventListener("visibilitychange", () => schedule(0), {
      once: true,
      signal: aborter.signal,
    });
  }

  onScopeDispose(() => {
    clearTimeout(timer);
    aborter.abort();
  });
  void poll();
  return { lines, dropped, state, error };
}

function isFull(page: LogPage): boolean {
  if (page.records.length >= PAGE_RECORDS) return true;
  const base64 = page.records.reduce((total, record) => total + record.data.length, 0);
  return base64 * 0.75 >= PAGE_BYTES;
}
