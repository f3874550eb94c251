import { useMutation, useQueryClient } from "@tanstack/vue-query";
import { ref } from "vue";
import type { QueryKey } from "@/api/queries";
import { useNotices } from "@/stores/notices";

interface Change<T, Given> {
  /** The call. A second one while it is under way is nothing. */
  change: (given: Given) => Promise<T>;
  /** What may be different afterwards, whether it went well or not. */
  invalidates?: readonly QueryKey[];
  /** What to say when it went well. */
  done?: (result: T, given: Given) => string;
  /** Takes it back; offered beside what is said. */
  undo?: (result: T, given: Given) => unknown;
  /** Told where it was asked for instead of in a notice. */
  isQuiet?: boolean;
}

/** What a person changes. `run` answers the result, or undefined when it failed and that was said. */
export function useChange<T, Given = void>({ change, invalidates, done, undo, isQuiet }: Change<T, Given>) {
  const client = useQueryClient();
  const notices = useNotices();
  const isBusy = ref(false); // at once, which `isPending` is not
  const { error, reset, mutateAsync } = useMutation<T, unknown, Given>({
    mutationFn: change,
    onSuccess: (result, given) => {
      if (done) notices.done(done(result, given), undo && (() => undo(result, given)));
    },
    onError: (caught) => {
      if (!isQuiet) notices.failed(caught);
    },
    onSettled: () => {
      for (const queryKey of invalidates ?? []) void client.invalidateQueries({ queryKey });
    },
  });

  async function run(given: Given): Promise<T | undefined> {
    if (isBusy.value) return undefined;
    isBusy.value = true;
    try {
      return await mutateAsync(given);
    } catch {
      return undefined;
    } finally {
      isBusy.value = false;
    }
  }

  return { isBusy, error, reset, run };
}
