import { computed, onScopeDispose, reactive, ref, shallowRef, watch, type Ref } from "vue";
import { messageOf } from "@/api/errors";
import type { StreamName } from "@/api/types";
import { useDebounced } from "@/composables/useDebounced";
import type { LogLines } from "@/rules/logs/lines";
import { compile, Search, type Query } from "@/rules/logs/search";
import { runInSlices } from "@/rules/logs/slices";

/**
 * A search in the lines that are loaded, in slices of time; it goes on with the log. `goTo` is called
 * with the line that is to be seen, `from` answers the line at which the person is.
 */
export function useLogSearch(
  lines: LogLines,
  version: Readonly<Ref<number>>,
  stream: Readonly<Ref<StreamName | null>>,
  from: () => number,
  goTo: (line: number) => void,
) {
  const query = reactive<Query>({ text: "", isRegex: false, ignoresCase: true });
  const pattern = shallowRef<RegExp | null>(null);
  const error = ref("");
  const count = ref(0);
  const isSearching = ref(false);
  /** The line that is stepped to, and the place of it among those found. */
  const current = ref<number | null>(null);
  const place = computed(() => {
    void count.value;
    return current.value === null || !search ? 0 : search.countBefore(current.value) + 1;
  });
  let search: Search | null = null;
  let searched = "";
  let isRunning = false;
  let isOutdated = false;
  let isDisposed = false;

  function begin(): void {
    search = null;
    isRunning = isSearching.value = false;
    searched = query.text;
    count.value = 0;
    current.value = null;
    error.value = "";
    pattern.value = null;
    try {
      pattern.value = compile(query);
    } catch (caught) {
      error.value = messageOf(caught);
    }
    if (!pattern.value) return;
    search = new Search(lines, pattern.value, stream.value);
    void run(from());
  }

  /** Looks on; the first line found at or after `near` is gone to, once there is one. */
  async function run(near: number | null): Promise<void> {
    const mine = search;
    if (!mine) return;
    isOutdated = isRunning;
    if (isRunning) return;
    isRunning = isSearching.value = true;
    await runInSlices(mine.run(), () => {
      if (search !== mine || isDisposed) return false; // another one has begun, and tells of itself
      count.value = mine.found.length;
      if (near !== null && mine.countBefore(near) < mine.found.length) near = firstFrom(mine, near);
      return true;
    });
    if (search !== mine || isDisposed) return;
    isRunning = isSearching.value = false;
    count.value = mine.found.length;
    if (near !== null) firstFrom(mine, near);
    if (isOutdated) void run(null);
  }

  function firstFrom(mine: Search, near: number): null {
    const index = mine.countBefore(near);
    if (current.value === null) show(mine.found.at(index < mine.found.length ? index : 0));
    return null;
  }

  /** To the next line found, or with -1 the one before; past the end it goes on at the beginning. */
  function step(by: 1 | -1): void {
    if (query.text !== searched) return begin();
    if (!search || search.found.length === 0) return;
    const total = search.found.length;
    const here = current.value ?? from();
    const before = search.countBefore(here);
    const isOn = search.found.at(before) === here;
    const index = by === 1 ? before + (isOn ? 1 : 0) : before - 1;
    show(search.found.at((index + total) % total));
  }

  function show(line: number): void {
    if (line === 0) return;
    current.value = line;
    goTo(line);
  }

  const beginSoon = useDebounced(() => {
    if (query.text !== searched) begin(); // a step may have begun it already
  });
  watch(() => query.text, beginSoon);
  watch([() => query.isRegex, () => query.ignoresCase, stream], begin);
  watch(version, () => void run(null));
  onScopeDispose(() => (isDisposed = true));
  return { query, pattern, error, count, place, current, isSearching, step };
}
