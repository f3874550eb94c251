import { describe, expect, it } from "vitest";
import type { JobState } from "@/api/types";
import { groupsOf, nextFailed } from "@/rules/runs/jobs";
import { job, step, wave } from "./details";

const many = (state: JobState, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => job(from + n, state, [0, state === "running" ? null : 1]));

describe("the groups of a step's jobs", () => {
  it("are one without a heading where there are few, what failed first", () => {
    const [all, ...others] = groupsOf(step([job(0, "succeeded", [0, 1]), job(1, "running", [0, null]), job(2, "failed", [0, 1])]));
    expect([all?.key, all?.jobs.map((each) => each.state), others]).toEqual(["all", ["failed", "running", "succeeded"], []]);
  });

  it("are by state where there are many: failed, then what goes on, and succeeded last and closed", () => {
    const jobs = [...many("succeeded", 6), ...many("running", 3, 6), ...many("lost", 1, 9), ...many("failed", 2, 10)];
    const groups = groupsOf(step(jobs));
    expect(groups.map(({ key, count, isOpen, isWhole }) => [key, count, isOpen, isWhole])).toEqual([
      ["failed", 2, true, true],
      ["lost", 1, true, true],
      ["running", 3, true, true],
      ["succeeded", 6, false, true],
    ]);
  });

  it("of a wide step count all of it, and know which of them the page has not got", () => {
    const progress = { total: 1_000, ended: 700, percent: 70, counts: { failed: 2, succeeded: 698 } };
    const wide = step([...many("failed", 2), ...many("succeeded", 90, 2)], { progress, open: null, jobs_omitted: 908 });
    expect(groupsOf(wide).map(({ key, count, isWhole, states }) => [key, count, isWhole, states.length])).toEqual([
      ["failed", 2, true, 1],
      ["open", 300, false, 3],
      ["succeeded", 698, false, 1],
    ]);
    const rolling = groupsOf({ ...wide, waves: [wave(0, 1_000, 50)] });
    expect(rolling.map(({ key, count }) => [key, count])).toEqual([
      ["failed", 2],
      ["open", null],
      ["waiting", null],
      ["succeeded", 698],
    ]);
  });

  it("are none before the step has chosen its agents", () => {
    const progress = { total: null, ended: 0, percent: 0, counts: {} };
    expect(groupsOf(step([], { progress }))).toEqual([]);
  });
});

it("the next failed job is the one after, and after the last the first", () => {
  const jobs = [job(0, "failed"), job(1, "succeeded"), job(2, "lost")];
  expect([null, "1-0", "1-2"].map((from) => nextFailed(jobs, from)?.id)).toEqual(["1-0", "1-2", "1-0"]);
  expect(nextFailed([job(0, "succeeded")], null)).toBeNull();
});
