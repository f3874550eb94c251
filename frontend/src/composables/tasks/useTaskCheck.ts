import { computed, onScopeDispose, shallowRef, watch, type Ref } from "vue";
import { Code, hasCode, isAbort } from "@/api/errors";
import { checkTask } from "@/api/tasks";
import type { CheckedTask, TomlFault } from "@/api/types";
import { useDebounced } from "@/composables/useDebounced";

/**
 * Asks the control plane about a definition whenever somebody has stopped typing: what is wrong with
 * it, and what to look at. What it said of an older text stays until it has looked at the new one.
 */
export function useTaskCheck(text: Readonly<Ref<string>>, isWanted: () => boolean) {
  const checked = shallowRef<CheckedTask | null>(null);
  const faults = shallowRef<readonly TomlFault[]>([]);
  /** The text that `faults` and `checked` speak of. */
  const looked = shallowRef<string | null>(null);
  let under = new AbortController();

  async function look(): Promise<void> {
    under.abort();
    if (!isWanted() || text.value === looked.value) return;
    under = new AbortController();
    const { signal } = under;
    const definition = text.value;
    try {
      const answer = await checkTask(definition, signal);
      if (signal.aborted) return;
      [checked.value, faults.value, looked.value] = [answer, [], definition];
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      const found = faultsOf(error);
      // What is not about the definition is said when it is saved.
      if (found.length > 0) [faults.value, looked.value] = [found, definition];
    }
  }

  watch(text, useDebounced(() => void look()), { immediate: true });
  onScopeDispose(() => under.abort());

  return { checked, faults, isUpToDate: computed(() => looked.value === text.value) };
}

/** All that is said to be wrong with a definition; none where it is about something else. */
export function faultsOf(error: unknown): TomlFault[] {
  if (!hasCode(error, Code.badParameter)) return [];
  const details = error.details as { errors?: TomlFault[] } | null;
  if (Array.isArray(details?.errors)) return details.errors;
  return [{ line: null, column: null, key: null, message: error.message }];
}
