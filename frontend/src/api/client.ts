import { setServerTime } from "./clock";
import { ApiError, Code } from "./errors";

type Query = Record<string, string | number | null | undefined>;

export interface CallOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Used instead of the signed-in token; a 401 is then the caller's to explain. */
  token?: string;
}

interface Envelope {
  code: number;
  message: string;
  data: unknown;
  timestamp: string;
}

interface Credentials {
  token: () => string | null;
  /** Called when the control plane no longer takes the token. */
  refused: (message: string) => void;
}

let credentials: Credentials = { token: () => null, refused: () => undefined };

/** Says where calls take their token from; the session does it once. */
export function useCredentials(given: Credentials): void {
  credentials = given;
}

/** The `data` of an answer of the API. Raises ApiError; AbortError only where `signal` has ended it. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const token = options.token ?? credentials.token();
  const response = await send(method, path, token, options);
  const envelope = await read(response, options.signal);
  setServerTime(envelope.timestamp);
  if (envelope.code === 0) return envelope.data as T;
  if (response.status === 401 && options.token === undefined && token === credentials.token()) {
    credentials.refused(envelope.message);
  }
  throw new ApiError(envelope.code, envelope.message, envelope.data);
}

/** The address of an API path, relative to the page, whatever prefix it is served under. */
export function addressOf(path: string, query: Query = {}): string {
  const url = new URL(`api/v1${path}`, document.baseURI);
  url.hash = "";
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") {
      url.searchParams.set(name, String(value));
    }
  }
  return url.href;
}

async function send(
  method: string,
  path: string,
  token: string | null,
  { query, body, headers, signal }: CallOptions,
): Promise<Response> {
  const sent: Record<string, string> = { Accept: "application/json", ...headers };
  if (token) sent.Authorization = `Bearer ${token}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const init = { method, headers: sent, body: body === undefined ? null : JSON.stringify(body) };
  try {
    return await fetch(addressOf(path, query), { ...init, signal: signal ?? null });
  } catch (error) {
    // A browser that ends calls by itself raises AbortError too: that is no answer like any other.
    if (signal?.aborted) throw error;
    throw new ApiError(Code.unreachable, "The control plane cannot be reached.");
  }
}

async function read(response: Response, signal: AbortSignal | undefined): Promise<Envelope> {
  try {
    const parsed: unknown = await response.json();
    if (isEnvelope(parsed)) return parsed;
  } catch (error) {
    if (signal?.aborted) throw error;
  }
  const said = `The control plane answered with HTTP ${response.status} and something unreadable.`;
  throw new ApiError(Code.unreachable, said);
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}
