/** What the API's `code` says; the rest of its table is in `docs/wire.md`. */
export const Code = {
  unreachable: 0,
  badParameter: 1001,
  notAuthenticated: 1002,
  notFound: 1004,
  conflict: 1005,
} as const;

/** An answer that is no success, or none at all (`unreachable`). `message` is for a person. */
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

/** What to tell a person about something that was caught. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a call ended because nobody waits for it any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
