import type { Step } from "@/api/types";
import { count, t } from "@/locales";
import { formatDuration } from "@/rules/format";
import { formatLabels } from "@/rules/labels";

/** What a step says beyond its command, in words; nothing where it says nothing. */
export function stepRules(step: Step): string[] {
  const rules: string[] = [];
  if (step.canary) rules.push(t("step.canary", { n: step.canary }));
  if (step.max_parallel) rules.push(t("step.atOnce", { n: step.max_parallel }));
  if (step.max_failures) rules.push(t("step.mayFail", { n: step.max_failures }));
  if (step.retries > 0) rules.push(count("step.retries", step.retries));
  if (step.timeout_seconds !== null) {
    rules.push(t("step.endsAfter", { duration: formatDuration(step.timeout_seconds) }));
  }
  if (step.user) rules.push(t("step.asUser", { user: step.user }));
  if (step.shell) rules.push(t("step.withShell", { shell: step.shell }));
  if (step.when === "failure") rules.push(t("step.onFailure"));
  if (step.when === "always") rules.push(t("step.always"));
  return rules;
}

/** Whom a step was for; empty where it names its agents, which are listed. */
export function targetsOf({ agent_ids, all, labels, group, selector }: Step["targets"]): string {
  if (agent_ids.length > 0) return "";
  if (all) return t("builder.everyAgent");
  const grouped = group ? t("step.targetsGroup", { group }) : "";
  return [formatLabels(labels), grouped, selector ?? ""].filter(Boolean).join(", ");
}
