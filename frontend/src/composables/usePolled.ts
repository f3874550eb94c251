import { useQuery } from "@tanstack/vue-query";
import { computed, toValue, type MaybeRefOrGetter } from "vue";
import type { QueryKey } from "@/api/queries";

/** What an interval is decided by: the last answer, and why the call after it failed, if it did. */
export interface Heard<T> {
  data: T | undefined;
  error: unknown;
}

/**
 * Reads something at once and again every `intervalMs`; null ends it until it is invalidated. It
 * rests while the tab is hidden and looks at once when it is shown again; a call that fails keeps
 * what was heard before.
 */
export function usePolled<T>(
  key: MaybeRefOrGetter<QueryKey>,
  read: (signal: AbortSignal) => Promise<T>,
  intervalMs: (heard: Heard<T>) => number | null,
) {
  return useQuery<T, unknown>({
    queryKey: computed(() => toValue(key)),
    queryFn: ({ signal }) => read(signal),
    shallow: true,
    retry: false,
    refetchInterval: ({ state }) => intervalMs(state) ?? false,
    // What goes on is stale at once: a tab that is shown again asks for it. What has ended is not.
    staleTime: ({ state }) => (intervalMs(state) === null ? Infinity : 0),
    refetchOnWindowFocus: ({ state }) => intervalMs(state) !== null,
  });
}
