import { onScopeDispose, shallowRef, type Ref } from "vue";
import { readLog } from "@/api/logs";
import { takeIn } from "@/rules/logs/intake";
import { LogLines } from "@/rules/logs/lines";
import { runInSlices } from "@/rules/logs/slices";

/** So far behind what has been read it is quicker to read on than to begin anew. */
const NEAR_LINES = 20_000;

/**
 * Lines of a long log that somebody looks at before all in front of them have come: `ahead` has them
 * until then, null when there are none. One call at a time, for what was asked for last.
 */
export function useLogAhead(
  { runId, jobId, attempt }: { runId: string; jobId: string; attempt: number },
  lines: LogLines,
  version: Ref<number>,
) {
  const ahead = shallowRef<LogLines | null>(null);
  const aborter = new AbortController();
  const { signal } = aborter;
  let first = 0;
  let last = 0;
  let cursor = "";
  let hasMore = false;
  let isReading = false;

  function look(from: number, to: number): void {
    first = from;
    last = to;
    if (!isReading) void readOn();
  }

  async function readOn(): Promise<void> {
    isReading = true;
    try {
      while (!signal.aborted && !isHere()) await readPage();
    } catch {
      // Who reads the whole log says what is wrong; here the next look tries again.
    }
    isReading = false;
    if (ahead.value && lines.last >= ahead.value.last) ahead.value = null;
  }

  function isHere(): boolean {
    if (lines.last >= last) return true;
    const found = ahead.value;
    if (!found || !begins(found)) return false;
    return found.last >= last || !hasMore;
  }

  /** Whether what is wanted, and has not come from the beginning on, does not begin before it. */
  function begins(found: LogLines): boolean {
    return found.dropped < Math.max(first, lines.last + 1);
  }

  async function readPage(): Promise<void> {
    const found = ahead.value;
    const goesOn = found && hasMore && begins(found) && first <= found.last + NEAR_LINES;
    const query = { attempt: attempt || null, wait: null, ...(goesOn ? { cursor } : { line: first }) };
    const page = await readLog(runId, jobId, query, signal);
    const taking = goesOn ? found : new LogLines(undefined, page.lines_before);
    if (!(await runInSlices(takeIn(taking, page.records), () => !signal.aborted))) return;
    cursor = page.next;
    hasMore = page.has_more;
    ahead.value = taking;
    version.value++;
  }

  onScopeDispose(() => aborter.abort());
  return { ahead, look, isLooking: () => isReading };
}
