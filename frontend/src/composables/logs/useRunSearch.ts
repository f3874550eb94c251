import { onScopeDispose, reactive, ref, shallowRef, watch } from "vue";
import { isAbort, messageOf } from "@/api/errors";
import { searchRun } from "@/api/logs";
import type { LogMatch } from "@/api/types";
import { useDebounced } from "@/composables/useDebounced";
import type { Query } from "@/rules/logs/search";

/** So many matches are fetched before somebody asks for more. */
const MATCHES_AT_ONCE = 200;

/** A search in the output of all of a run's jobs; the control plane does it piece by piece. */
export function useRunSearch(runId: string) {
  const query = reactive<Query>({ text: "", isRegex: false, ignoresCase: true });
  const matches = shallowRef<LogMatch[]>([]);
  const error = ref("");
  const isSearching = ref(false);
  /** Where more is to be found, null when everything has been looked through. */
  const next = ref<string | null>(null);
  const searchedBytes = ref(0);
  let aborter = new AbortController();
  let begun = "";

  function begin(): void {
    aborter.abort();
    begun = query.text;
    matches.value = [];
    searchedBytes.value = 0;
    error.value = "";
    next.value = null;
    isSearching.value = false;
    if (query.text !== "") void searchOn();
  }

  async function searchOn(): Promise<void> {
    if (isSearching.value) return;
    const { signal } = (aborter = new AbortController());
    const enough = matches.value.length + MATCHES_AT_ONCE;
    isSearching.value = true;
    error.value = "";
    try {
      do {
        const part = await searchRun(runId, query, next.value, signal);
        if (signal.aborted) return;
        matches.value = [...matches.value, ...part.matches];
        searchedBytes.value += part.searched_bytes;
        next.value = part.next;
      } while (next.value !== null && matches.value.length < enough);
    } catch (caught) {
      if (isAbort(caught)) return;
      error.value = messageOf(caught);
    }
    isSearching.value = false;
  }

  const beginSoon = useDebounced(() => {
    if (query.text !== begun) begin(); // Enter may have begun it already
  });
  watch(() => query.text, beginSoon);
  watch([() => query.isRegex, () => query.ignoresCase], begin);
  onScopeDispose(() => aborter.abort());
  return { query, matches, error, isSearching, next, searchedBytes, begin, searchOn };
}
