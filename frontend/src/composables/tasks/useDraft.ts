import { onScopeDispose, watch, type Ref } from "vue";
import { useDebounced } from "@/composables/useDebounced";

/** A definition that somebody has changed and not saved; `revision` is the one it began from. */
export interface Draft {
  definition: string;
  revision: number | null;
}

/**
 * Keeps what is typed in this tab until it is saved or given up: it outlives a reload, and a session
 * that ends. A definition has no secrets in it, only their names; values of parameters are not kept.
 */
export function useDraft(
  id: string | undefined,
  text: Readonly<Ref<string>>,
  /** Null where nothing is unsaved, undefined while that is not known yet. */
  unsaved: () => Draft | null | undefined,
) {
  const key = `plumber.draft.${id ?? "new"}`;
  let isOver = false;

  function read(): Draft | null {
    try {
      const found: unknown = JSON.parse(sessionStorage.getItem(key) ?? "null");
      return isDraft(found) ? found : null;
    } catch {
      return null;
    }
  }

  function keep(): void {
    const draft = unsaved();
    if (draft === undefined) return;
    if (draft === null || isOver) return sessionStorage.removeItem(key);
    try {
      sessionStorage.setItem(key, JSON.stringify(draft));
    } catch {
      // There is no room: then the browser's question before the tab closes is all there is.
    }
  }

  /** Forgets it; what is in the editor now is not kept either. */
  function forget(): void {
    isOver = true;
    sessionStorage.removeItem(key);
  }

  const keepSoon = useDebounced(keep);
  watch(text, () => {
    isOver = false;
    keepSoon();
  });
  window.addEventListener("pagehide", keep);
  onScopeDispose(() => {
    window.removeEventListener("pagehide", keep);
    keep();
  });
  return { read, keep, forget };
}

function isDraft(found: unknown): found is Draft {
  if (typeof found !== "object" || found === null) return false;
  return typeof (found as Draft).definition === "string";
}
