import type { Job } from "@/api/types";
import { t } from "@/locales";
import { formatBy } from "@/rules/by";
import { formatMoment, formatRelative } from "@/rules/format";
import { stateText } from "@/rules/states";

/** What there is to say of a job beyond its state, in the order in which it matters. `now` is asked only where it counts. */
export function noteOf(job: Job, now: () => number): string {
  const notes: string[] = [];
  if (job.reason) notes.push(job.reason);
  else if (job.stopped_by) notes.push(t("job.cancelledBy", { who: formatBy(job.stopped_by) }));
  if (job.stop_requested && job.ended_at === null) notes.push(t("job.isBeingCancelled"));
  if (job.agent_status !== null && job.agent_status !== "online") {
    notes.push(t("job.agentIs", { state: stateText(job.agent_status) }));
  }
  if (job.not_before) {
    notes.push(t("job.triedAgain", { when: formatRelative(job.not_before, now()) }));
  } else if (job.deliver_by) {
    // Not anew with each second, for a thousand rows: when it was put out is as good.
    const since = Date.parse(job.queued_at ?? job.deliver_by);
    notes.push(t("job.deliveredUntil", { when: formatMoment(job.deliver_by, since) }));
  }
  for (const each of job.earlier) {
    const attempt = t("job.attempt", { n: each.number, state: stateText(each.state) });
    const code = each.exit_code;
    notes.push(code === null ? attempt : `${attempt}, ${t("job.exitCode", { code })}`);
  }
  if (job.late) notes.push(t("job.late", { n: job.late.attempt, outcome: job.late.outcome }));
  return notes.join(" · ");
}
