import type { By } from "@/api/types";

/** Who did something, in words: `ci (token)`, `schedule @daily`, or the installation's own name. */
export function formatBy(by: By): string {
  if (by.kind === "system") return by.name;
  return by.kind === "schedule" ? `schedule ${by.name}` : `${by.name} (${by.kind})`;
}
