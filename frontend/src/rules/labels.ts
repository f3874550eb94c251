import { t } from "@/locales";

const PAIR = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/;

/** Says which part of a text is no label. */
export class LabelError extends Error {}

/** `role=web, zone=a` as labels. Raises a LabelError that says which part is none. */
export function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const [, key, value] = PAIR.exec(part) ?? [];
    if (key === undefined || value === undefined) {
      throw new LabelError(t("error.noLabel", { part: part.trim() }));
    }
    labels[key] = value;
  }
  return labels;
}

/** The way back: `role=web, zone=a`. */
export function formatLabels(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}
