import { beforeEach, describe, expect, it } from "vitest";
import { call } from "@/api/client";
import { messageOf } from "@/api/errors";
import { usePolling } from "@/composables/usePolling";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";
import { hide, mounted } from "../mounted";

let calls: Call[];
let interval: number | null;

function poll() {
  return mounted(() => usePolling((signal) => call<string>("GET", "/x", { signal }), () => interval));
}

beforeEach(() => {
  stopTime();
  calls = farSide();
  interval = 1_000;
});

describe("polling", () => {
  it("calls at once, and again so long after each answer", async () => {
    const { data, isLoading } = poll();
    expect([calls.length, isLoading.value, data.value]).toEqual([1, true, null]);
    await pass(10_000);
    expect(calls).toHaveLength(1);
    await calls[0]?.answer("first");
    expect([isLoading.value, data.value]).toEqual([false, "first"]);
    await pass(999);
    expect(calls).toHaveLength(1);
    await pass(1);
    expect(calls).toHaveLength(2);
    await calls[1]?.answer("second");
    expect(data.value).toBe("second");
  });

  it("ends when there is no interval any more, and begins again when it is refreshed", async () => {
    const { data, refresh } = poll();
    interval = null;
    await calls[0]?.answer("last");
    await pass(60_000);
    hide(true);
    hide(false);
    expect(calls).toHaveLength(1);
    void refresh();
    interval = 1_000;
    await calls[1]?.answer("again");
    await pass(1_000);
    expect([calls.length, data.value]).toEqual([3, "again"]);
  });

  it("has one call under way: a refresh takes the place of the one before", async () => {
    const { data, refresh } = poll();
    void refresh();
    expect(calls.map((each) => each.isAborted)).toEqual([true, false]);
    await calls[0]?.answer("too late");
    expect(data.value).toBeNull();
    await calls[1]?.answer("in time");
    expect(data.value).toBe("in time");
    await pass(1_000);
    expect(calls).toHaveLength(3);
  });

  it("keeps what it has when a call fails, says why, and recovers", async () => {
    const { data, error, isLoading } = poll();
    await calls[0]?.breakOff();
    expect([isLoading.value, messageOf(error.value)]).toEqual([
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
    const { error } = poll();
    await calls[0]?.breakOff(new DOMException("The user aborted a request.", "AbortError"));
    expect(messageOf(error.value)).toBe("The control plane cannot be reached.");
    await pass(1_000);
    expect(calls).toHaveLength(2);
  });
});

describe("in a hidden tab, polling", () => {
  it("rests, and calls at once when the tab is shown", async () => {
    poll();
    await calls[0]?.answer("first");
    hide(true);
    await pass(60_000);
    expect(calls).toHaveLength(1);
    hide(false);
    expect(calls).toHaveLength(2);
  });

  it("lets the call that is under way come in, and makes no other", async () => {
    const { data } = poll();
    hide(true);
    await calls[0]?.answer("first");
    await pass(60_000);
    expect([calls.length, data.value]).toEqual([1, "first"]);
  });

  it("that was opened there reads once, so that there is something to see", async () => {
    hide(true);
    poll();
    await calls[0]?.answer("first");
    await pass(60_000);
    expect(calls).toHaveLength(1);
  });

  it("has no second call under way when the tab is shown again at once", async () => {
    poll();
    hide(true);
    hide(false);
    expect(calls.filter((each) => !each.isAborted)).toHaveLength(1);
  });
});

describe("when its component is gone, polling", () => {
  it("ends the call that is under way, and makes none", async () => {
    const { data, unmount } = poll();
    unmount();
    expect(calls[0]?.isAborted).toBe(true);
    await settled();
    await pass(60_000);
    hide(true);
    hide(false);
    expect([calls.length, data.value]).toEqual([1, null]);
  });

  it("makes no call between two, and none for who asks too late", async () => {
    const { refresh, unmount } = poll();
    await calls[0]?.answer("first");
    unmount();
    await refresh();
    await pass(60_000);
    expect(calls).toHaveLength(1);
  });
});
