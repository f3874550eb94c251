import { computed, ref } from "vue";

/** So many calls are under way together. */
const AT_ONCE = 6;

export interface Outcome<T> {
  done: T[];
  failed: { thing: T; error: unknown }[];
}

/** Does something with each of many things, a few at a time; `progress` is how far it has come. */
export function useEach() {
  const done = ref(0);
  const all = ref(0);

  async function run<T>(things: readonly T[], act: (thing: T) => Promise<unknown>): Promise<Outcome<T>> {
    const outcome: Outcome<T> = { done: [], failed: [] };
    const left = [...things];
    all.value = things.length;
    done.value = 0;
    async function work(): Promise<void> {
      for (let thing = left.shift(); thing !== undefined; thing = left.shift()) {
        try {
          await act(thing);
          outcome.done.push(thing);
        } catch (error) {
          outcome.failed.push({ thing, error });
        }
        done.value++;
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    all.value = 0;
    return outcome;
  }

  return { run, isBusy: computed(() => all.value > 0), progress: computed(() => ({ done: done.value, all: all.value })) };
}
