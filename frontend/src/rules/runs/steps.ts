import type { Step } from "@/api/types";
import { formatDuration } from "@/rules/format";

/** What a step says beyond its command, in words; nothing where it says nothing. */
export function stepRules(step: Step): string[] {
  const rules: string[] = [];
  if (step.canary) rules.push(`${step.canary} first`);
  if (step.max_parallel) rules.push(`${step.max_parallel} at once`);
  if (step.max_failures) rules.push(`${step.max_failures} may fail`);
  if (step.retries > 0) rules.push(step.retries === 1 ? "1 retry" : `${step.retries} retries`);
  if (step.timeout_seconds !== null) rules.push(`ends after ${formatDuration(step.timeout_seconds)}`);
  if (step.user) rules.push(`as ${step.user}`);
  if (step.shell) rules.push(`with ${step.shell}`);
  if (step.when === "failure") rules.push("only after a failure");
  if (step.when === "always") rules.push("in any case");
  return rules;
}
