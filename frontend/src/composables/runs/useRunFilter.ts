import { computed, ref, watch } from "vue";
import { useRoute, useRouter } from "vue-router";
import { serverNow } from "@/api/clock";
import { useDebounced } from "@/composables/useDebounced";
import { queryOf, readFilter, writeFilter, type RunFilter } from "@/rules/runs/filter";

/**
 * What the address filters runs by. What is chosen is a step that back undoes; what is typed is
 * not, and comes to the address when somebody has stopped typing.
 */
export function useRunFilter() {
  const route = useRoute();
  const router = useRouter();
  const filter = computed(() => readFilter(route.query));
  /** As the API is asked, from when the filter was chosen or the page was opened on. */
  const query = computed(() => queryOf(filter.value, serverNow()));

  const text = ref(filter.value.text);
  const narrowSoon = useDebounced(() => {
    const wanted = text.value.trim();
    if (wanted !== filter.value.text) void router.replace({ query: writeFilter({ ...filter.value, text: wanted }) });
  });
  watch(text, narrowSoon);
  watch(
    () => filter.value.text,
    (now) => {
      if (now !== text.value.trim()) text.value = now;
    },
  );

  function change(part: Partial<RunFilter>): void {
    void router.push({ query: writeFilter({ ...filter.value, text: text.value.trim(), ...part }) });
  }

  function clear(): void {
    text.value = "";
    void router.push({ query: {} });
  }

  return { filter, query, text, change, clear };
}
