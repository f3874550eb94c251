import { onScopeDispose, ref, shallowRef } from "vue";
import { Code, hasCode, isAbort, messageOf } from "@/api/errors";
import { readLog } from "@/api/logs";
import type { LogPage, LogRecord, MissingLog } from "@/api/types";
import { LogLines } from "@/rules/logs/lines";
import { runInSlices, type Steps } from "@/rules/logs/slices";

/** While there is nothing new, an answer waits so long for it; then it is asked for again. */
const WAIT_SECONDS = 5;
const PAUSE_MS = 250;
const NOT_BEGUN_MS = 1_000;
const RETRY_MS = 5_000;
const BATCH_SIZE = 32 * 1_024;
/** What a record costs however short it is, as so many characters. */
const RECORD_COST = 100;

/**
 * The log of a job's attempt, read on until it is complete; 0 while there was none: of whichever is
 * the last. Rests while the tab is hidden, ends with the component that uses it. `version` changes
 * when `lines` has got more.
 */
export function useLog(runId: string, jobId: string, attempt: number) {
  const lines = new LogLines();
  const version = ref(0);
  const state = ref<LogPage["state"] | null>(null);
  const missing = shallowRef<MissingLog | null>(null);
  const error = ref("");
  /** Whether all that the log has so far has been read. */
  const isCaughtUp = ref(false);
  const aborter = new AbortController();
  let cursor = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function poll(): Promise<void> {
    try {
      // After an error an answer is wanted at once, so that the error goes when it is over.
      const wait = isCaughtUp.value && error.value === "" ? WAIT_SECONDS : null;
      const query = { attempt: attempt || null, cursor, wait };
      const page = await readLog(runId, jobId, query, aborter.signal);
      if (!(await take(page))) return;
      if (page.has_more) schedule(0);
      else if (page.state === "streaming" || page.state === "shipping") schedule(PAUSE_MS);
    } catch (caught) {
      if (isAbort(caught)) return;
      // A job that has not begun has no log: that is no error, only too early.
      const isTooEarly = hasCode(caught, Code.notFound) && state.value === null;
      error.value = isTooEarly ? "" : messageOf(caught);
      schedule(error.value ? RETRY_MS : NOT_BEGUN_MS);
    }
  }

  /** Answers whether there is still somebody who wants it. */
  async function take(page: LogPage): Promise<boolean> {
    error.value = "";
    cursor = page.next;
    const isWanted = () => !aborter.signal.aborted;
    if (!(await runInSlices(addTo(lines, page.records), isWanted))) return false;
    state.value = page.state;
    missing.value = page.missing;
    isCaughtUp.value = !page.has_more;
    if (page.records.length > 0) version.value++;
    return true;
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
  return { lines, version, state, missing, error, isCaughtUp };
}

/** Takes records in, in batches of some milliseconds at most: one alone has up to 64 KiB. */
function* addTo(lines: LogLines, records: readonly LogRecord[]): Steps {
  let size = 0;
  for (const record of records) {
    lines.add(record);
    size += RECORD_COST + record.data.length;
    if (size < BATCH_SIZE) continue;
    size = 0;
    lines.commit();
    yield;
  }
  lines.commit();
}
