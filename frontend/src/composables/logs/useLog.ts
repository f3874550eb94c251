import { useLogAhead } from "./useLogAhead";
import { onScopeDispose, ref, shallowRef } from "vue";
import { Code, hasCode, isAbort, messageOf } from "@/api/errors";
import { readLog } from "@/api/logs";
import type { LogPage, MissingLog } from "@/api/types";
import { takeIn } from "@/rules/logs/intake";
import { LogLines } from "@/rules/logs/lines";
import { runInSlices } from "@/rules/logs/slices";

/** While there is nothing new, an answer waits so long for it; then it is asked for again. */
const WAIT_SECONDS = 5;
const PAUSE_MS = 250;
const NOT_BEGUN_MS = 1_000;
const RETRY_MS = 5_000;

/**
 * The log of a job's attempt, read on until it is complete; 0 while there was none: of whichever is
 * the last. Rests while the tab is hidden, ends with the component that uses it. `version` changes
 * when `lines` has got more. `look` asks for lines that have not come yet: `ahead` has them.
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
  const { ahead, look, isLooking } = useLogAhead({ runId, jobId, attempt }, lines, version);
  let cursor = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function poll(): Promise<void> {
    if (isLooking()) return schedule(PAUSE_MS); // what somebody looks at comes first
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
    lines.expected = page.line_count ?? 0;
    const isWanted = () => !aborter.signal.aborted;
    if (!(await runInSlices(takeIn(lines, page.records), isWanted))) return false;
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
  return { lines, ahead, version, state, missing, error, isCaughtUp, look };
}
