import type { Scope } from "@/api/types";
import { t } from "@/locales";
import { formatLabels } from "@/rules/labels";

/** What a token is narrowed to, in words; empty when it is not. Tasks that are not known are told by
 * their ids. */
export function formatScope(scope: Scope, taskNames: ReadonlyMap<string, string>): string {
  const { tasks = [], labels = {}, groups = [] } = scope;
  const parts = tasks.map((id) => t("tokens.scopeTask", { name: taskNames.get(id) ?? id }));
  if (Object.keys(labels).length > 0) parts.push(formatLabels(labels));
  return [...parts, ...groups.map((group) => t("tokens.scopeGroup", { name: group }))].join(t("format.comma"));
}

/** Whether a scope narrows nothing. */
export function isEverything({ tasks, labels, groups }: Scope): boolean {
  return tasks.length + Object.keys(labels).length + groups.length === 0;
}

/** Groups as they are written in a field: separated by commas. */
export function parseGroups(text: string): string[] {
  return [...new Set(text.split(",").map((each) => each.trim()))].filter((each) => each !== "");
}
