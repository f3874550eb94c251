import { beforeEach, describe, expect, it } from "vitest";
import { useLog } from "@/composables/logs/useLog";
import { farSide, pass, settled, stopTime, type Call } from "../../farSide";
import { hide, mounted } from "../../mounted";
import { keptLines, record } from "../../rules/logs/records";

let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

interface Page {
  text?: string;
  next?: string;
  hasMore?: boolean;
  state?: string;
}

function page({ text = "", next = "1.0", hasMore = false, state = "streaming" }: Page) {
  const records = text === "" ? [] : [record("stdout", text)];
  return { records, next, has_more: hasMore, state, missing: null };
}

async function log(attempt = 1) {
  const used = mounted(() => useLog("R1", "1-a", attempt));
  await settled();
  return { ...used, texts: () => keptLines(used.lines).map((line) => line.text) };
}

describe("a log", () => {
  it("is read page by page from its beginning, each where the one before ended", async () => {
    const { texts, isCaughtUp, version } = await log();
    expect([calls[0]?.path, calls[0]?.query]).toEqual(["/runs/R1/jobs/1-a/log", { attempt: "1" }]);
    await calls[0]?.answer(page({ text: "one\n", next: "1.1", hasMore: true }));
    expect([isCaughtUp.value, version.value]).toEqual([false, 1]);
    await pass(0);
    expect(calls[1]?.query).toEqual({ attempt: "1", cursor: "1.1" });
    await calls[1]?.answer(page({ text: "two\n", next: "2.0" }));
    expect([isCaughtUp.value, version.value, texts()]).toEqual([true, 2, ["one", "two"]]);
  });

  it("is followed by calls that wait for what comes, one after the other", async () => {
    const { texts, version } = await log();
    await calls[0]?.answer(page({ next: "1.0" }));
    await pass(250);
    expect(calls[1]?.query).toEqual({ attempt: "1", cursor: "1.0", wait: "5" });
    await pass(5_000);
    expect(calls).toHaveLength(2);
    await calls[1]?.answer(page({ next: "1.0" }));
    expect(version.value).toBe(0);
    await pass(250);
    await calls[2]?.answer(page({ text: "at last\n", next: "2.0" }));
    await pass(250);
    expect([texts(), calls[3]?.query.cursor]).toEqual([["at last"], "2.0"]);
  });

  it("goes on while its last output is on its way, and ends when it is complete", async () => {
    const { state } = await log();
    await calls[0]?.answer(page({ state: "shipping" }));
    await pass(250);
    await calls[1]?.answer(page({ text: "end\n", state: "complete" }));
    expect(state.value).toBe("complete");
    await pass(600_000);
    hide(true);
    hide(false);
    await pass(600_000);
    expect(calls).toHaveLength(2);
  });

  it("that is complete is read to its end all the same", async () => {
    await log();
    await calls[0]?.answer(page({ text: "x\n", hasMore: true, state: "complete" }));
    await pass(0);
    expect(calls).toHaveLength(2);
  });

  it("says what is missing, and does not wait for it", async () => {
    const { missing, state } = await log();
    const lacks = { stdout_bytes: 3, stderr_bytes: 0, chunks: 1, reason: null };
    await calls[0]?.answer({ ...page({ state: "incomplete" }), missing: lacks });
    await pass(600_000);
    expect([state.value, missing.value, calls.length]).toEqual(["incomplete", lacks, 1]);
  });

  it("is that of one attempt: what comes of the next one is another log", async () => {
    await log(3);
    await log(0);
    expect(calls.map((each) => each.query.attempt)).toEqual(["3", undefined]);
  });

  it("of a job that has not begun is asked for each second, without an error", async () => {
    const { error, state } = await log();
    await calls[0]?.refuse(404, 1004, "It has not begun.");
    expect([error.value, state.value]).toEqual(["", null]);
    await pass(1_000);
    await calls[1]?.answer(page({ text: "begun\n" }));
    expect(state.value).toBe("streaming");
  });
});

describe("a long log that was put together", () => {
  const end = { begun: 900, stdout: 0, stderr: 0, plumber: 0 };

  async function begun() {
    const used = await log();
    await calls[0]?.answer({ ...page({ text: "1\n2\n", next: "2.0", hasMore: true }), line_count: 1_000 });
    return { ...used, ahead: (number: number) => used.ahead.value?.line(number)?.text };
  }

  it("is read where somebody looks, beside its beginning", async () => {
    const { look, ahead, lines, version } = await begun();
    expect(lines.expected).toBe(1_000);
    look(950, 952);
    await settled();
    expect(calls[1]?.query).toEqual({ attempt: "1", line: "950" });
    const text = Array.from({ length: 51 }, (_, index) => `${901 + index}\n`).join("");
    await calls[1]?.answer({ ...page({ text, next: "40.7", hasMore: true }), lines_before: end });
    expect([ahead(900), ahead(901), ahead(951), version.value]).toEqual([undefined, "901", "951", 2]);
    expect(calls[2]?.query).toEqual({ attempt: "1", cursor: "40.7" });
    await calls[2]?.answer({ ...page({ text: "952\n953\n", next: "41.0" }), lines_before: null });
    expect(ahead(953)).toBe("953");
    look(930, 940);
    await settled();
    expect(calls).toHaveLength(3);
  });

  it("is asked for what was looked at last, one call at a time", async () => {
    const { look, ahead } = await begun();
    for (const line of [300, 600, 950]) look(line, line + 1);
    await settled();
    expect(calls.slice(1).map((each) => each.query.line)).toEqual(["300"]);
    await calls[1]?.answer({ ...page({ text: "x\n", hasMore: true }), lines_before: { ...end, begun: 299 } });
    expect(calls[2]?.query.cursor).toBe("1.0");
    await calls[2]?.answer({ ...page({ text: "x\n".repeat(700) }), lines_before: null });
    expect(ahead(951)).toBe("x");
  });

  it("is not read on meanwhile", async () => {
    const { look } = await begun();
    look(950, 951);
    await pass(1_000);
    expect(calls.slice(1).map((each) => each.query.line)).toEqual(["950"]);
    await calls[1]?.answer({ ...page({ text: "x\n".repeat(100) }), lines_before: end });
    await pass(250);
    expect(calls[2]?.query.cursor).toBe("2.0");
  });

  it("is begun anew for what lies before it, and let go when all in front of it has come", async () => {
    const { look, ahead, lines } = await begun();
    look(950, 951);
    await settled();
    await calls[1]?.answer({ ...page({ text: "x\n".repeat(100) }), lines_before: end });
    look(500, 501);
    await settled();
    expect(calls[2]?.query.line).toBe("500");
    await calls[2]?.answer({ ...page({ text: "y\n".repeat(9) }), lines_before: { ...end, begun: 495 } });
    expect([ahead(500), ahead(950)]).toEqual(["y", undefined]);
    await pass(250);
    await calls[3]?.answer({ ...page({ text: "z\n".repeat(998), state: "complete" }), line_count: 1_000 });
    look(999, 1_000);
    await settled();
    expect([lines.last, ahead(500), calls.length]).toEqual([1_000, undefined, 4]);
  });

  it("is looked at again after an error", async () => {
    const { look, error } = await begun();
    look(950, 951);
    await settled();
    await calls[1]?.breakOff();
    expect([error.value, calls.length]).toEqual(["", 2]);
    look(950, 951);
    await settled();
    expect(calls[2]?.query.line).toBe("950");
  });
});

describe("after an error, a log", () => {
  it("is read on where it was, and without waiting, so that the error goes", async () => {
    const { error, texts } = await log();
    await calls[0]?.answer(page({ text: "one\n", next: "2.0" }));
    await pass(250);
    await calls[1]?.breakOff();
    expect([error.value, texts()]).toEqual(["The control plane cannot be reached.", ["one"]]);
    await pass(4_999);
    expect(calls).toHaveLength(2);
    await pass(1);
    expect(calls[2]?.query).toEqual({ attempt: "1", cursor: "2.0" });
    await calls[2]?.answer(page({ next: "2.0" }));
    expect(error.value).toBe("");
    await pass(250);
    expect(calls[3]?.query.wait).toBe("5");
    await calls[3]?.answer(page({ text: "two\n", next: "3.0" }));
    expect(texts()).toEqual(["one", "two"]);
  });

  it("that is gone says so, and is asked for seldom", async () => {
    const { error } = await log();
    await calls[0]?.answer(page({ text: "one\n" }));
    await pass(250);
    await calls[1]?.refuse(404, 1004, "There is no such job.");
    expect(error.value).toBe("There is no such job.");
    await pass(4_999);
    expect(calls).toHaveLength(2);
  });
});

describe("in a hidden tab, a log", () => {
  it("rests, and goes on at once when the tab is shown", async () => {
    await log();
    await calls[0]?.answer(page({ next: "2.0" }));
    hide(true);
    await pass(600_000);
    expect(calls).toHaveLength(1);
    hide(false);
    await pass(0);
    expect(calls[1]?.query.cursor).toBe("2.0");
    hide(true);
    hide(false);
    await pass(1_000);
    expect(calls).toHaveLength(2);
  });
});

describe("when its component is gone, a log", () => {
  it("ends the call that is under way, and makes none", async () => {
    const { unmount, error } = await log();
    unmount();
    await settled();
    expect(calls[0]?.isAborted).toBe(true);
    await settled();
    await pass(600_000);
    expect([calls.length, error.value]).toEqual([1, ""]);
  });

  it("makes no call between two, hidden or not", async () => {
    const between = await log();
    const hidden = await log();
    for (const each of [...calls]) await each.answer(page({}));
    between.unmount();
    hide(true);
    await pass(250);
    hidden.unmount();
    hide(false);
    await pass(600_000);
    expect(calls).toHaveLength(2);
  });

  it("takes in nothing of a page that came just before", async () => {
    const { unmount, version } = await log();
    void calls[0]?.answer(page({ text: "x\n".repeat(200_000), hasMore: true }));
    unmount();
    await settled();
    await pass(1_000);
    expect([calls.length, version.value]).toEqual([1, 0]);
  });
});
