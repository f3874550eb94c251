import { keepPreviousData, useInfiniteQuery } from "@tanstack/vue-query";
import { computed, reactive, toValue, type MaybeRefOrGetter } from "vue";
import type { QueryKey } from "@/api/queries";
import type { Page } from "@/api/types";

type FetchPage<T> = (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>;

const INTERVAL_MS = 5_000;
/** A filter may leave pages empty; so many are read on until one has something. */
const EMPTY_PAGES = 10;

interface Pace {
  /** Once it says so, nothing in the list changes by itself any more. */
  isOver?: () => boolean;
  intervalMs?: number;
}

/**
 * The first pages of a list, read again every few seconds; `more` adds the next one. A filter is a
 * part of the key: with another one the list begins again, and shows the old one until it is there.
 */
export function usePagedList<T>(
  key: MaybeRefOrGetter<QueryKey>,
  fetchPage: FetchPage<T>,
  { isOver = () => false, intervalMs = INTERVAL_MS }: Pace = {},
) {
  async function read(cursor: string | null, signal: AbortSignal): Promise<Page<T>> {
    let page = await fetchPage(cursor, signal);
    for (let empty = 1; page.items.length === 0 && page.next && empty < EMPTY_PAGES; empty++) {
      page = await fetchPage(page.next, signal);
    }
    return page;
  }

  const query = useInfiniteQuery({
    queryKey: computed(() => toValue(key)),
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last: Page<T>) => last.next,
    shallow: true,
    retry: false,
    placeholderData: keepPreviousData,
    // Further pages cost further calls, so they are read as much more seldom.
    refetchInterval: ({ state }) => !isOver() && intervalMs * (state.data?.pages.length ?? 1),
  });

  const state = {
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    isLoading: computed(() => query.isPending.value && query.error.value === null),
    /** Another filter's list is shown until this one is there. */
    isOutdated: query.isPlaceholderData,
    error: query.error,
  };
  const more = () => query.fetchNextPage();
  const refresh = () => query.refetch();
  return {
    ...state,
    more,
    refresh,
    items: computed(() => query.data.value?.pages.flatMap((page) => page.items) ?? []),
    /** All that a `DataTable` wants to know besides its rows, for `v-bind`. */
    table: reactive({ ...state, onMore: more, onRetry: refresh }),
  };
}
