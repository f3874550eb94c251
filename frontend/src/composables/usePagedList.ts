import { computed, ref } from "vue";
import type { Page } from "@/api/types";
import { usePolling } from "./usePolling";

type FetchPage<T> = (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>;

const INTERVAL_MS = 5_000;
/** A filter may leave pages empty; so many are read on until one has something. */
const EMPTY_PAGES = 10;

/** The first pages of a list, read again every few seconds; `more` adds the next one. */
export function usePagedList<T>(fetchPage: FetchPage<T>) {
  const wanted = ref(1);
  const isLoadingMore = ref(false);

  async function fetchAll(signal: AbortSignal): Promise<Page<T>> {
    const items: T[] = [];
    let next: string | null = null;
    let empty = 0;
    for (let page = 0; page < wanted.value; ) {
      const found: Page<T> = await fetchPage(next, signal);
      items.push(...found.items);
      next = found.next;
      if (next === null) break;
      if (found.items.length > 0 || ++empty >= EMPTY_PAGES) page++;
    }
    return { items, next };
  }

  // Further pages cost further calls, so they are read as much more seldom.
  const polling = usePolling(fetchAll, () => INTERVAL_MS * wanted.value);

  async function more(): Promise<void> {
    isLoadingMore.value = true;
    wanted.value++;
    await polling.refresh();
    isLoadingMore.value = false;
  }

  /** Starts from the first page, as when a filter has changed. */
  async function restart(): Promise<void> {
    wanted.value = 1;
    await polling.refresh();
  }

  return {
    items: computed(() => polling.data.value?.items ?? []),
    hasMore: computed(() => Boolean(polling.data.value?.next)),
    isLoadingMore,
    isLoading: polling.isLoading,
    error: polling.error,
    refresh: polling.refresh,
    more,
    restart,
  };
}
