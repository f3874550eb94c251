import { useQuery } from "@tanstack/vue-query";
import { computed, ref, watch } from "vue";
import { newIdempotencyKey } from "@/api/idempotency";
import { keys } from "@/api/queries";
import { matchAgents } from "@/api/agents";
import { executeCommand } from "@/api/runs";
import type { Command, Match, Run, Targeting } from "@/api/types";
import { useChange } from "@/composables/useChange";
import { useDebounced } from "@/composables/useDebounced";
import { commandOf, emptyDraft, faultOf, targetingOf, type Draft } from "@/rules/runs/command";

const STALE_MS = 10_000;

/** A command that is being written: whom it would run on, and running it. */
export function useCommand() {
  const draft = ref<Draft>(emptyDraft());
  const targeting = computed(() => targetingOf(draft.value));
  /** What was asked for last: a call for each letter would be too many. */
  const asked = ref<Targeting | null>(targeting.value);
  const ask = useDebounced(() => (asked.value = targeting.value));
  watch(() => JSON.stringify(targeting.value), ask);

  const matching = useQuery<Match>({
    queryKey: computed(() => [...keys.agents, "match", asked.value]),
    queryFn: ({ signal }) => matchAgents(asked.value ?? {}, signal),
    enabled: computed(() => asked.value !== null),
    staleTime: STALE_MS,
    retry: false,
  });
  const isAsked = computed(() => JSON.stringify(asked.value) === JSON.stringify(targeting.value));
  /** Of what stands in the form now; null while that is not known. */
  const match = computed(() =>
    isAsked.value && asked.value !== null && !matching.error.value ? (matching.data.value ?? null) : null,
  );

  const running = useChange<Run, { body: Command; key: string }>({
    change: ({ body, key }) => executeCommand(body, key),
    invalidates: [keys.runs],
    isQuiet: true,
  });
  /** At its field what the control plane objects to, first in what is sent, then in whom it is for. */
  const fault = computed(() => faultOf(running.error.value) ?? (isAsked.value ? faultOf(matching.error.value) : null));
  const error = computed(() => {
    const all = [running.error.value, isAsked.value ? matching.error.value : null];
    return all.find((each) => each && faultOf(each) === null) ?? null;
  });
  watch(draft, () => running.reset(), { deep: true });

  /** The key of what was sent and not answered: sent again as it was, it starts nothing twice. */
  let sent: { text: string; key: string } | null = null;

  async function run(): Promise<Run | undefined> {
    const body = commandOf(draft.value);
    if (body === null) return undefined;
    const text = JSON.stringify(body);
    const { key } = (sent = sent?.text === text ? sent : { text, key: newIdempotencyKey() });
    const begun = await running.run({ body, key });
    if (begun) sent = null;
    return begun;
  }

  return { draft, match, targeting, fault, error, isBusy: running.isBusy, run };
}
