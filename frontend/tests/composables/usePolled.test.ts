import { beforeEach, describe, expect, it } from "vitest";
import { messageOf } from "@/api/errors";
import { getTask } from "@/api/tasks";
import { usePolled } from "@/composables/usePolled";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";
import { hide, mounted } from "../mounted";

let calls: Call[];
let interval: number | null;

async function poll() {
  const read = (signal: AbortSignal) => getTask("t", signal) as Promise<unknown>;
  const polled = mounted(() => usePolled<unknown>(["x"], read, () => interval));
  await settled();
  return polled;
}

beforeEach(() => {
  stopTime();
  calls = farSide();
  interval = 1_000;
});

describe("polling", () => {
  it("calls at once, and again in its interval, but not while one is under way", async () => {
    const { data, isPending } = await poll();
    expect([calls.length, isPending.value, data.value]).toEqual([1, true, undefined]);
    await pass(10_000);
    expect(calls).toHaveLength(1);
    await calls[0]?.answer("first");
    expect([isPending.value, data.value]).toEqual([false, "first"]);
    await pass(1_000);
    expect(calls).toHaveLength(2);
    await calls[1]?.answer("second");
    expect(data.value).toBe("second");
  });

  it("ends when there is no interval any more, and begins again when it is asked to", async () => {
    const { data, refetch } = await poll();
    interval = null;
    await calls[0]?.answer("last");
    await pass(60_000);
    hide(true);
    hide(false);
    await settled();
    expect(calls).toHaveLength(1);
    void refetch();
    await settled();
    interval = 1_000;
    await calls[1]?.answer("again");
    await pass(1_000);
    expect([calls.length, data.value]).toEqual([3, "again"]);
  });

  it("keeps what it has when a call fails, says why, and recovers", async () => {
    const { data, error, isPending } = await poll();
    await calls[0]?.breakOff();
    expect([isPending.value, messageOf(error.value)]).toEqual([
      false,
      "The control plane cannot be reached.",
    ]);
    await pass(1_000);
    await calls[1]?.answer("there");
    expect([error.value, data.value]).toEqual([null, "there"]);
    await pass(1_000);
    await calls[2]?.refuse(503, 2001, "Not now.");
    expect([messageOf(error.value), data.value]).toEqual(["Not now.", "there"]);
    await pass(1_000);
    expect(calls).toHaveLength(4);
  });

  it("goes on after the browser, and not the panel, has ended a call", async () => {
    const { error } = await poll();
    await calls[0]?.breakOff(new DOMException("The user aborted a request.", "AbortError"));
    expect(messageOf(error.value)).toBe("The control plane cannot be reached.");
    await pass(1_000);
    expect(calls).toHaveLength(2);
  });
});

describe("in a hidden tab, polling", () => {
  it("rests, and calls at once when the tab is shown", async () => {
    await poll();
    await calls[0]?.answer("first");
    hide(true);
    await pass(60_000);
    expect(calls).toHaveLength(1);
    hide(false);
    await settled();
    expect(calls).toHaveLength(2);
  });

  it("lets the call that is under way come in, and makes no other", async () => {
    const { data } = await poll();
    hide(true);
    await calls[0]?.answer("first");
    await pass(60_000);
    expect([calls.length, data.value]).toEqual([1, "first"]);
  });

  it("that was opened there reads once, so that there is something to see", async () => {
    hide(true);
    await poll();
    await calls[0]?.answer("first");
    await pass(60_000);
    expect(calls).toHaveLength(1);
  });
});

describe("when its component is gone, polling", () => {
  it("ends the call that is under way, and makes none", async () => {
    const { data, unmount } = await poll();
    unmount();
    await settled();
    expect(calls[0]?.isAborted).toBe(true);
    await pass(60_000);
    hide(true);
    hide(false);
    await settled();
    expect([calls.length, data.value]).toEqual([1, undefined]);
  });

  it("makes no call between two", async () => {
    const { unmount } = await poll();
    await calls[0]?.answer("first");
    unmount();
    await pass(60_000);
    expect(calls).toHaveLength(1);
  });
});
