import { vi } from "vitest";

/** A call that the control plane has got and has not answered. */
export class Call {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  /** Once `settled` has been waited for. */
  body: unknown = null;
  private settle!: (response: Response) => void;
  private reject!: (error: unknown) => void;
  readonly response: Promise<Response>;

  constructor(private readonly request: Request) {
    const { pathname, searchParams } = new URL(request.url);
    this.method = request.method;
    this.path = pathname.replace("/api/v1", "");
    this.query = Object.fromEntries(searchParams);
    this.headers = Object.fromEntries(
      [...request.headers].map(([name, value]) => [name.toLowerCase(), value]),
    );
    void request.text().then((text) => (this.body = text === "" ? null : JSON.parse(text)));
    this.response = new Promise((settle, reject) => {
      this.settle = settle;
      this.reject = reject;
    });
    request.signal.addEventListener("abort", () => this.reject(request.signal.reason));
  }

  /** Whether whoever called does not wait for the answer any more. */
  get isAborted(): boolean {
    return this.request.signal.aborted;
  }

  answer(data: unknown): Promise<void> {
    return this.send(200, { code: 0, message: "ok", data });
  }

  refuse(status: number, code: number, message: string): Promise<void> {
    return this.send(status, { code, message, data: null });
  }

  /** Says what is wrong with a definition. */
  refuseToml(errors: { message: string }[]): Promise<void> {
    const [first] = errors;
    const data = { ...first, errors };
    return this.send(400, { code: 1001, message: first?.message ?? "", data });
  }

  /** As when the network is gone. */
  breakOff(error: unknown = new TypeError("Failed to fetch")): Promise<void> {
    this.reject(error);
    return settled();
  }

  private send(status: number, envelope: object): Promise<void> {
    const timestamp = new Date().toISOString();
    this.settle(new Response(JSON.stringify({ ...envelope, timestamp }), { status }));
    return settled();
  }
}

/** Stands in for the control plane from now on; the calls that it has got, in their order. */
export function farSide(): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    const call = new Call(request);
    calls.push(call);
    return request.signal.aborted ? Promise.reject(request.signal.reason) : call.response;
  });
  return calls;
}

/** Resolves once all that can happen without time passing has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets time pass. */
export async function pass(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await settled();
}

/** Time stands still unless `pass` is called; what the browser does by itself goes on. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
}
