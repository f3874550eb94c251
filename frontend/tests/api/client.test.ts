import { beforeEach, describe, expect, it, vi } from "vitest";
import { getMe } from "@/api/access";
import { useCredentials } from "@/api/client";
import { serverNow } from "@/api/clock";
import { isConnectionLost } from "@/api/connection";
import { Code, fieldOf, messageOf } from "@/api/errors";
import { listRuns } from "@/api/runs";
import { farSide, settled, type Call } from "../farSide";

let calls: Call[];
const refused = vi.fn();

beforeEach(() => {
  calls = farSide();
  refused.mockClear();
  useCredentials({ token: () => "plb_mine", refused });
});

const caught = (promise: Promise<unknown>) => promise.then(() => null, (error: unknown) => error);

describe("a call", () => {
  it("carries the token, leaves out what is open, and answers what is in the envelope", async () => {
    const answer = listRuns({ state: "" }, null);
    await settled();
    expect(calls[0]).toMatchObject({ method: "GET", path: "/runs", query: { limit: "20" } });
    expect(calls[0]?.headers.authorization).toBe("Bearer plb_mine");
    await calls[0]?.answer({ items: [], next: null });
    expect(await answer).toEqual({ items: [], next: null });
    expect(Math.abs(serverNow() - Date.now())).toBeLessThan(2_000);
  });

  it("that is refused is an error with its code, message and data", async () => {
    const error = caught(listRuns({ state: "x" }, null));
    await settled();
    await calls[0]?.refuse(400, Code.badParameter, "Expected `str` - at `$.scope.labels`");
    expect(await error).toMatchObject({ code: Code.badParameter, details: null });
    expect(fieldOf(await error)).toEqual({ field: "scope.labels", message: "Expected `str`" });
    expect(refused).not.toHaveBeenCalled();
  });

  it("with a token that is no longer good signs out, unless it tries another one", async () => {
    const own = caught(getMe());
    const tried = caught(getMe("plb_other"));
    await settled();
    await calls[1]?.refuse(401, Code.notAuthenticated, "No.");
    await tried;
    expect([calls[1]?.headers.authorization, refused.mock.calls.length]).toEqual([
      "Bearer plb_other",
      0,
    ]);
    await calls[0]?.refuse(401, Code.notAuthenticated, "No.");
    await own;
    expect(refused).toHaveBeenCalledOnce();
  });

  it("with what cannot be a token asks nobody", async () => {
    expect(await caught(getMe("plb_☃"))).toMatchObject({ code: Code.notAuthenticated });
    expect(calls).toEqual([]);
  });

  it("that gets no answer makes the connection a lost one, until the next answer", async () => {
    const error = caught(getMe());
    await settled();
    await calls[0]?.breakOff();
    expect([messageOf(await error), isConnectionLost.value]).toEqual([
      "The control plane cannot be reached.",
      true,
    ]);
    void caught(getMe());
    await settled();
    await calls[1]?.answer({});
    expect(isConnectionLost.value).toBe(false);
  });

  it.each(["<html>Bad gateway</html>", "[]", '"x"'])("answered %s says so", async (text) => {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(text, { status: 502 })));
    const error = await caught(getMe());
    expect(error).toMatchObject({ code: Code.unreadable });
    expect(messageOf(error)).toContain("502");
  });
});
