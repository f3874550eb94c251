import { isEnglish, t, type Key } from "@/locales";

/** What the API's `code` says; the rest of its table is in `docs/wire.md`. */
export const Code = {
  /** No answer at all, and one that is none of the API's: codes of the panel's own. */
  unreachable: 0,
  unreadable: -1,
  badParameter: 1001,
  notAuthenticated: 1002,
  notAllowed: 1003,
  notFound: 1004,
  conflict: 1005,
  tooMany: 1006,
  agentNotFound: 2001,
  fault: 5000,
} as const;

/** The words of the common codes. */
const WORDS: Partial<Record<number, Key>> = {
  [Code.unreachable]: "error.unreachable",
  [Code.unreadable]: "error.unreadable",
  [Code.badParameter]: "error.badParameter",
  [Code.notAuthenticated]: "error.notAuthenticated",
  [Code.notAllowed]: "error.notAllowed",
  [Code.notFound]: "error.notFound",
  [Code.conflict]: "error.conflict",
  [Code.tooMany]: "error.tooMany",
  [Code.fault]: "error.fault",
};

/** Whose own message says nothing that a person could use. */
const OWN_WORDS: ReadonlySet<number> = new Set([
  Code.unreachable,
  Code.unreadable,
  Code.notAuthenticated,
  Code.tooMany,
]);

/** An answer that is no success, or none at all (`unreachable`); `messageOf` tells it to a person. */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly details: unknown = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** Whether an error is the API's answer with this code. */
export function hasCode(error: unknown, code: number): error is ApiError {
  return error instanceof ApiError && error.code === code;
}

/**
 * What to tell a person about something that was caught. The API speaks English: where it says more
 * than its code does, its words are kept, in other languages after the code's own.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const key = WORDS[error.code];
  if (key && OWN_WORDS.has(error.code)) return t(key, { detail: error.message });
  if (!key || isEnglish()) return error.message;
  return t("error.withDetail", { words: t(key), detail: error.message });
}

/** Where in what was sent the API found it wrong: `$.name` of the body, and its words. */
export function fieldOf(error: unknown): { field: string; message: string } | null {
  if (!hasCode(error, Code.badParameter)) return null;
  const found = /^(.*?)(?: - at )`\$\.([\w.]+)(?:\[[^`]*\])*`$/s.exec(error.message);
  return found ? { field: found[2] ?? "", message: found[1] ?? "" } : null;
}

/** Whether a call ended because nobody waits for it any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
