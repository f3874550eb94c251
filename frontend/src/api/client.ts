import createClient, { type Middleware } from "openapi-fetch";
import { setServerTime } from "./clock";
import { callBegins } from "./connection";
import { ApiError, Code } from "./errors";
import type { paths } from "./schema";

interface Envelope {
  code: number;
  message: string;
  data: unknown;
  timestamp: string;
}

interface Answer<T> {
  data?: { code: number; data?: T } | string;
  error?: unknown;
  response: Response;
}

interface Credentials {
  token: () => string | null;
  /** Called when the control plane no longer takes the token. */
  refused: () => void;
}

/** Of an answer without an envelope: the cursor of what follows. */
const NEXT = "Plumber-Next";

let credentials: Credentials = { token: () => null, refused: () => undefined };

/** Says where calls take their token from; the session does it once. */
export function useCredentials(given: Credentials): void {
  credentials = given;
}

const signing: Middleware = {
  onRequest({ request }) {
    const token = credentials.token();
    // A call that brings a token of its own explains a refusal by itself.
    if (token !== null && !request.headers.has("Authorization")) {
      request.headers.set("Authorization", bearer(token));
    }
  },
  onResponse({ request, response }) {
    const token = credentials.token();
    const isOurs = token !== null && request.headers.get("Authorization") === bearer(token);
    if (response.status === 401 && isOurs) credentials.refused();
  },
};

/**
 * The calls of the API as `schema.d.ts` has them; `answered` makes a value or an ApiError of each.
 * Addresses are relative to the page, whatever prefix it is served under.
 */
export const api = createClient<paths>({
  baseUrl: new URL(".", document.baseURI).href,
  headers: { Accept: "application/json" },
  fetch: reach,
});
api.use(signing);

export function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** The `data` of an answer. Raises ApiError; AbortError only where the caller's signal ended it. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call.catch(readable);
  const envelope: unknown = data ?? error;
  if (!isEnvelope(envelope)) throw new ApiError(Code.unreadable, `HTTP ${response.status}`);
  setServerTime(envelope.timestamp);
  if (envelope.code !== 0) throw new ApiError(envelope.code, envelope.message, envelope.data);
  return envelope.data as T;
}

/** An answer without an envelope, and its cursor. Raises as `answered` does. */
export async function bare(call: Promise<Answer<unknown>>): Promise<{ text: string; next: string | null }> {
  const answer = await call;
  if (answer.error !== undefined) await answered(Promise.resolve(answer));
  const text = typeof answer.data === "string" ? answer.data : "";
  return { text, next: answer.response.headers.get(NEXT) };
}

/** A query without what a filter leaves open. */
export function asked<T extends object>(query: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const wanted = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  return Object.fromEntries(wanted) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** An answer that says success and is no JSON comes as a SyntaxError. */
function readable(error: unknown): never {
  throw error instanceof SyntaxError ? new ApiError(Code.unreadable, error.message) : error;
}

/** Asks for something small, so that it is known whether the control plane can be reached. */
export async function probe(): Promise<void> {
  await api.GET("/api/v1/me").catch(() => undefined);
}

/** The whole answer; the one place that knows whether the control plane can be reached. */
async function reach(request: Request): Promise<Response> {
  const call = callBegins();
  try {
    const response = await fetch(request);
    const text = await response.text();
    call.answered();
    const next = response.headers.get(NEXT);
    return new Response(text, { status: response.status, headers: next === null ? {} : { [NEXT]: next } });
  } catch (error) {
    // A browser that ends calls by itself raises AbortError too: that is no answer like any other.
    if (request.signal.aborted) throw error;
    call.lost();
    throw new ApiError(Code.unreachable, String(error));
  }
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}
