import { computed, ref, watch, type WritableComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";
import { useDebounced } from "./useDebounced";

/**
 * Filters that are in the address, so that back, a link and a reload keep them. `text(name)` is for a
 * field that is typed in: the address follows once nobody types. What is empty is not in it.
 */
export function useAddress() {
  const route = useRoute();
  const router = useRouter();

  const read = (name: string) => {
    const value = route.query[name];
    return typeof value === "string" ? value : "";
  };

  function write(values: Record<string, string>): void {
    const given = Object.entries({ ...route.query, ...values });
    const query = Object.fromEntries(given.filter(([, value]) => value !== ""));
    void router.replace({ query });
  }

  /** What the address says of this. */
  function value(name: string): WritableComputedRef<string> {
    return computed({ get: () => read(name), set: (wanted) => write({ [name]: wanted.trim() }) });
  }

  function text(name: string) {
    const said = computed(() => read(name));
    const typed = ref(said.value);
    const followSoon = useDebounced(() => write({ [name]: typed.value.trim() }));
    watch(typed, (now) => {
      if (now.trim() !== said.value) followSoon();
    });
    watch(said, (now) => {
      if (now !== typed.value.trim()) typed.value = now;
    });
    return { typed, said };
  }

  return { value, text, write };
}
