import type { Param } from "@/api/types";

/**
 * What the fields of parameters hold at first: what was given before, as far as the task still takes
 * it, else the defaults. Secrets are never known.
 */
export function firstValues(params: readonly Param[], given: Record<string, string>): Record<string, string> {
  return Object.fromEntries(params.map((param) => [param.name, firstValue(param, given[param.name])]));
}

function firstValue(param: Param, given: string | undefined): string {
  const isOffered = param.choices.length === 0 || param.choices.includes(given ?? "");
  return given !== undefined && isOffered && !param.secret ? given : (param.default ?? "");
}
