import { getCurrentScope, onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";

export interface Polling<T> {
  data: ShallowRef<T | null>;
  /** The last call's error, null when it went well; `data` keeps what was last heard. */
  error: ShallowRef<unknown>;
  isLoading: Ref<boolean>;
  /** Calls now, and ends what is under way. */
  refresh: () => Promise<void>;
}

/**
 * Calls `fetch` at once and then again `intervalMs()` after each answer; null ends it until
 * `refresh`. Rests after the first answer while the tab is hidden, and ends with the component
 * that uses it.
 */
export function usePolling<T>(
  fetch: (signal: AbortSignal) => Promise<T>,
  intervalMs: () => number | null,
): Polling<T> {
  const data: ShallowRef<T | null> = shallowRef(null);
  const error = shallowRef<unknown>(null);
  const isLoading = ref(true);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let current = new AbortController();
  let stopped = false;

  async function refresh(): Promise<void> {
    if (stopped) return; // as when a page was left while it waited for something else
    clearTimeout(timer);
    current.abort();
    const mine = (current = new AbortController());
    try {
      const fetched = await fetch(mine.signal);
      if (mine.signal.aborted) return;
      data.value = fetched;
      error.value = null;
    } catch (caught) {
      if (mine.signal.aborted) return;
      error.value = caught;
    }
    isLoading.value = false;
    schedule();
  }

  function schedule(): void {
    const delay = intervalMs();
    if (stopped || delay === null || document.hidden) return;
    timer = setTimeout(() => void refresh(), delay);
  }

  function onVisibilityChange(): void {
    clearTimeout(timer);
    if (!document.hidden && !stopped && intervalMs() !== null) void refresh();
  }

  function stop(): void {
    stopped = true;
    clearTimeout(timer);
    current.abort();
    document.removeEventListener("visibilitychange", onVisibilityChange);
  }

  document.addEventListener("visibilitychange", onVisibilityChange);
  if (getCurrentScope()) onScopeDispose(stop);
  void refresh();
  return { data, error, isLoading, refresh };
}
