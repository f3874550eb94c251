import { useQueryClient } from "@tanstack/vue-query";
import { computed, toValue, watch, type MaybeRefOrGetter } from "vue";
import { getEnrollment } from "@/api/agents";
import { serverNow } from "@/api/clock";
import { hasCode, Code } from "@/api/errors";
import { keys } from "@/api/queries";
import type { Enrollment, EnrollmentDetail } from "@/api/types";
import { usePolled, type Heard } from "@/composables/usePolled";

/** While somebody is likely to be at the machine, and after that. */
const SOON_MS = 2_000;
const LATER_MS = 15_000;
const IS_LATER_AFTER_MS = 10 * 60_000;
/** The control plane shows a hundred, so more cannot be waited for. */
const SHOWN = 100;

/** Who joins with a join token; asked for until all have come, or nobody can any more. */
export function useJoining(enrollment: MaybeRefOrGetter<Enrollment>) {
  const client = useQueryClient();
  const began = serverNow();
  const asked = computed(() => toValue(enrollment));
  const { data } = usePolled(
    () => [...keys.enrollments, asked.value.id],
    (signal) => getEnrollment(asked.value.id, signal),
    intervalMs,
  );
  const agents = computed(() => data.value?.agents ?? []);
  const connected = computed(() => agents.value.filter((agent) => agent.status === "online"));
  const isComplete = computed(() => hasAll(data.value));
  const isExpired = computed(() => !isComplete.value && data.value !== undefined && hasExpired(data.value));

  function intervalMs({ data: heard, error }: Heard<EnrollmentDetail>): number | null {
    if (hasAll(heard) || hasCode(error, Code.notFound)) return null;
    if (heard && hasExpired(heard)) return null;
    return serverNow() - began > IS_LATER_AFTER_MS ? LATER_MS : SOON_MS;
  }

  // The list of agents has one more.
  watch(() => connected.value.length, () => void client.invalidateQueries({ queryKey: keys.agents }));

  return { agents, connected, isComplete, isExpired };
}

function hasAll(heard: EnrollmentDetail | undefined): boolean {
  if (!heard || heard.uses < heard.max_uses) return false;
  const online = heard.agents.filter((agent) => agent.status === "online").length;
  return online >= Math.min(heard.max_uses, SHOWN);
}

/** Nobody joins any more, and all that did are there. */
function hasExpired(heard: EnrollmentDetail): boolean {
  const isOver = Date.parse(heard.expires_at) <= serverNow();
  return isOver && heard.agents.every((agent) => agent.status !== "never_seen");
}
