import { beforeEach, describe, expect, it } from "vitest";
import { ref } from "vue";
import { mostInteresting, useRun } from "@/composables/runs/useRun";
import type { Job, JobState, RunState } from "@/api/types";
import { farSide, pass, settled, stopTime, type Call } from "../../farSide";
import { hide, mounted } from "../../mounted";

let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

function detail(state: RunState, ...jobs: string[][]) {
  return { run: { state }, steps: jobs.map((ids) => ({ jobs: ids.map((id) => ({ id })) })) };
}

describe("a run", () => {
  it("is read every second until it has ended, and then no more", async () => {
    const { data } = mounted(() => useRun("R1"));
    await settled();
    for (const state of ["queued", "running", "cancelling", "cancelled"] as const) {
      expect(calls.at(-1)?.path).toBe("/runs/R1");
      await calls.at(-1)?.answer(detail(state));
      expect(data.value?.run.state).toBe(state);
      await pass(1_000);
    }
    await pass(600_000);
    hide(true);
    hide(false);
    await settled();
    expect(calls).toHaveLength(4);
  });

  it("that has ended is read again after somebody has changed it", async () => {
    const { data, refresh } = mounted(() => useRun("R1"));
    await settled();
    await calls[0]?.answer(detail("failed"));
    void refresh();
    await settled();
    await calls[1]?.answer(detail("running"));
    await pass(1_000);
    expect([calls.length, data.value?.run.state]).toEqual([3, "running"]);
  });

  it("is asked for more seldom while there is no answer, and again each second after", async () => {
    const { data, error } = mounted(() => useRun("R1"));
    await settled();
    await calls[0]?.answer(detail("running"));
    await pass(1_000);
    await calls[1]?.breakOff();
    await pass(4_999);
    expect([calls.length, data.value?.run.state]).toEqual([2, "running"]);
    await pass(1);
    await calls[2]?.answer(detail("running"));
    expect(error.value).toBeNull();
    await pass(1_000);
    expect(calls).toHaveLength(4);
  });

  it("gets a job that its page has no room for, as long as that is wanted", async () => {
    const chosen = ref<string | null>("2-b");
    const { jobs } = mounted(() => useRun("R1", () => chosen.value));
    await settled();
    const ids = () => jobs.value.map((job) => job.id);
    await calls[0]?.answer(detail("failed", ["1-a"], ["2-a"]));
    expect(calls[1]?.path).toBe("/runs/R1/jobs/2-b");
    await calls[1]?.answer({ id: "2-b" });
    expect(ids()).toEqual(["1-a", "2-a", "2-b"]);
    chosen.value = "1-a";
    await settled();
    expect(calls).toHaveLength(2);
    chosen.value = "2-gone";
    await settled();
    await calls[2]?.answer(detail("failed", ["1-a"], ["2-a"]));
    await calls[3]?.refuse(404, 1004, "There is no such job.");
    expect(ids()).toEqual(["1-a", "2-a"]);
  });

  it("whose end came after an error is not read any more", async () => {
    mounted(() => useRun("R1"));
    await settled();
    await calls[0]?.breakOff();
    await pass(5_000);
    await calls[1]?.answer(detail("succeeded"));
    await pass(60_000);
    expect(calls).toHaveLength(2);
  });

  it("that is not there is not asked for again", async () => {
    const { error } = mounted(() => useRun("R1"));
    await settled();
    await calls[0]?.refuse(404, 1004, "There is no run 'R1'.");
    expect(error.value).toMatchObject({ message: "There is no run 'R1'." });
    await pass(60_000);
    hide(true);
    hide(false);
    await settled();
    expect(calls).toHaveLength(1);
  });

  it("rests while the tab is hidden, and ends with its page", async () => {
    const { unmount } = mounted(() => useRun("R1"));
    await settled();
    await calls[0]?.answer(detail("running"));
    hide(true);
    await pass(60_000);
    expect(calls).toHaveLength(1);
    hide(false);
    await settled();
    unmount();
    await settled();
    expect(calls[1]?.isAborted).toBe(true);
    await pass(60_000);
    expect(calls).toHaveLength(2);
  });

  it("has the jobs of all its steps in their order", async () => {
    const { jobs } = mounted(() => useRun("R1"));
    await settled();
    expect(jobs.value).toEqual([]);
    await calls[0]?.answer(detail("running", ["1-a", "1-b"], [], ["3-a"]));
    expect(jobs.value.map((job) => job.id)).toEqual(["1-a", "1-b", "3-a"]);
  });
});

describe("the job of most interest", () => {
  it.each<[JobState[], number]>([
    [["succeeded", "running", "failed"], 1],
    [["succeeded", "failed", "succeeded"], 1],
    [["succeeded", "succeeded", "waiting"], 1],
    [["succeeded", "lost", "claimed"], 2],
  ])("of %s is number %i", (states, index) => {
    const jobs = states.map((state) => ({ state }) as Job);
    expect(mostInteresting(jobs)).toBe(jobs[index]);
  });

  it("is none while none has begun", () => {
    expect(mostInteresting([{ state: "queued" } as Job, { state: "undelivered" } as Job])).toBeNull();
  });
});
