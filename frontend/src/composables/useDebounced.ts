import { onScopeDispose } from "vue";

const QUIET_MS = 250;

/** Calls `act` once nothing has asked for it for a moment, as when somebody has stopped typing. */
export function useDebounced(act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  onScopeDispose(() => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, QUIET_MS);
  };
}
