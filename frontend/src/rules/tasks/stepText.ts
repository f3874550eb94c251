import { t } from "@/locales";
import { formatCount } from "@/rules/format";
import type { Table, Value } from "./tomlValue";

/** What a step is called: its name, or its number. */
export function stepName(step: Table | undefined, index: number): string {
  const { Name: name } = step ?? {};
  return typeof name === "string" && name.trim() !== "" ? name : t("builder.stepNumber", { n: index + 1 });
}

/** Whom a step is for, in a few words. */
export function targetText(step: Table, agentName: (called: string) => string): string {
  const named = textsOf(step.ServerID);
  if (named.length > 1) return formatCount(named.length, "agent");
  if (named[0]) return agentName(named[0]);
  const { Targets: targets } = step;
  if (typeof targets !== "object" || targets === null || Array.isArray(targets)) return "";
  if (targets.All === true) return t("builder.everyAgent");
  return [labelText(targets.Labels), targets.Group, targets.Selector].filter(isText).join(", ");
}

/** The texts of a value that is one text or a list of them. */
export function textsOf(value: Value | undefined): string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** A table of texts as a selector: `role=web,zone=a`; empty for anything else. */
export function labelText(labels: Value | undefined): string {
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) return "";
  return Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`).join(",");
}

function isText(value: Value | undefined): value is string {
  return typeof value === "string" && value !== "";
}

/** What is typed in a field of numbers: a number where it is one, else the text, as in `25%`. */
export function numberOrText(text: string): number | string {
  const number = Number(text);
  return text !== "" && String(number) === text && Number.isFinite(number) ? number : text;
}

/** A value as it stands in a field. */
export function fieldText(value: Value | undefined): string {
  return value === undefined || value === null || typeof value === "object" ? "" : String(value);
}

/** A name that none of those has: `value`, `value_2`. */
export function freeName(wanted: string, taken: readonly string[]): string {
  let name = wanted;
  for (let n = 2; taken.includes(name); n++) name = `${wanted}_${n}`;
  return name;
}
