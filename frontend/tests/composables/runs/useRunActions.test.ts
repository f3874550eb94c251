import { beforeEach, describe, expect, it } from "vitest";
import { createMemoryHistory, createRouter } from "vue-router";
import { useRunActions } from "@/composables/runs/useRunActions";
import { useRunStart } from "@/composables/tasks/useRunStart";
import { useConfirmation } from "@/stores/confirmation";
import { useNotices } from "@/stores/notices";
import { farSide, settled, type Call } from "../../farSide";
import { mounted } from "../../mounted";

const KEY = /^[0-9a-f]{32}$/;

let calls: Call[];

beforeEach(() => {
  calls = farSide();
});

function page() {
  const routes = [{ path: "/:rest(.*)*", component: { render: () => null } }];
  const router = createRouter({ history: createMemoryHistory(), routes });
  const use = () => ({
    ...useRunActions("R1"),
    start: useRunStart().start,
    confirmation: useConfirmation(),
    notices: useNotices(),
  });
  return { ...mounted(use, router), here: () => router.currentRoute.value.fullPath };
}

const keyOf = (call: Call | undefined) => call?.headers["idempotency-key"];

describe("a retry", () => {
  it("is one call with a key of its own, and leads to the new run", async () => {
    const { retry, here } = page();
    void retry("failed_agents", { password: "x" });
    await settled();
    expect([calls[0]?.method, calls[0]?.path, calls[0]?.body]).toEqual([
      "POST",
      "/runs/R1/retry",
      { what: "failed_agents", parameters: { password: "x" } },
    ]);
    expect(keyOf(calls[0])).toMatch(KEY);
    await calls[0]?.answer({ id: "R2" });
    expect(here()).toBe("/runs/R2");
  });

  it("is nothing while another one is under way", async () => {
    const { retry, isBusy } = page();
    void retry("all");
    void retry("all");
    await settled();
    expect([calls.length, isBusy.value]).toEqual([1, true]);
    await calls[0]?.answer({ id: "R2" });
    expect(isBusy.value).toBe(false);
  });

  it("that is asked for again is another action, with another key", async () => {
    const { retry, here, notices } = page();
    void retry("all");
    await settled();
    await calls[0]?.refuse(409, 1005, "The run has not ended.");
    expect([here(), notices.notices[0]?.text]).toEqual(["/", "The run has not ended."]);
    void retry("all");
    await settled();
    expect(keyOf(calls[1])).toMatch(KEY);
    expect(keyOf(calls[1])).not.toBe(keyOf(calls[0]));
  });
});

it("a trigger has a key of its own too", async () => {
  const { start, here } = page();
  void start("T1");
  void start("T1");
  await settled();
  await calls[0]?.answer({ task: { id: "T1" }, params: [] });
  expect([calls.length, calls[1]?.path]).toEqual([2, "/tasks/T1/execute"]);
  expect(keyOf(calls[1])).toMatch(KEY);
  await calls[1]?.answer({ id: "R3" });
  expect(here()).toBe("/runs/R3");
});

describe("a cancel", () => {
  it("of a run is asked about first, and the run is read again after it", async () => {
    const { cancel, confirmation } = page();
    void cancel();
    confirmation.answer(false);
    await settled();
    expect(calls).toEqual([]);
    void cancel();
    confirmation.answer(true);
    await settled();
    expect(calls[0]?.path).toBe("/runs/R1/cancel");
  });

  it("of a job that cannot be says why, and the run is read again too", async () => {
    const { cancelOne, notices } = page();
    void cancelOne("1-a");
    await settled();
    await calls[0]?.refuse(409, 1005, "The job has ended.");
    expect([calls[0]?.path, notices.notices[0]?.text]).toEqual([
      "/runs/R1/jobs/1-a/cancel",
      "The job has ended.",
    ]);
  });
});
