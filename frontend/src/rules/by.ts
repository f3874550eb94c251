import type { By } from "@/api/types";
import { t } from "@/locales";

/** Who did something, in words: `ci (token)`, `schedule @daily`, or the installation's own name. */
export function formatBy(by: By): string {
  return by.kind === "system" ? by.name : t(`by.${by.kind}`, { name: by.name });
}
