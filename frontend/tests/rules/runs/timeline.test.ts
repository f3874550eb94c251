import { describe, expect, it } from "vitest";
import type { RunStep } from "@/api/types";
import { timelineOf } from "@/rules/runs/timeline";
import { at, detail, job, step, wave } from "./details";

const now = (seconds: number) => Date.parse(at(seconds));

function rowsOf(steps: RunStep[], end: number | null, seconds = 0) {
  const { run } = detail(steps, end);
  return timelineOf(run, steps, now(seconds)).rows;
}

describe("a step", () => {
  it("has its part of the run's time, from its start to its end", () => {
    const steps = [
      step([], { started_at: at(0), ended_at: at(4) }),
      step([], { started_at: at(4), ended_at: at(10) }),
    ];
    expect(rowsOf(steps, 10).map(({ span }) => span)).toEqual([{ from: 0, to: 0.4 }, { from: 0.4, to: 1 }]);
  });

  it("that goes on reaches to now, and one that has not begun nowhere", () => {
    const steps = [step([], { started_at: at(5) }), step([], { started_at: null })];
    expect(rowsOf(steps, null, 20).map(({ span }) => span)).toEqual([{ from: 0.25, to: 1 }, null]);
  });

  it("of which a clock says that it ended after the run does not stand out", () => {
    expect(rowsOf([step([], { ended_at: at(11) })], 10)[0]?.span).toEqual({ from: 0, to: 1 });
  });

  it("that puts all out at once has no waves", () => {
    expect(rowsOf([step([job(0, "running", [0, null])], { waves: [wave(0, 1, 1)] })], 10)[0]?.waves).toEqual([]);
  });
});

describe("a wave", () => {
  const jobs = [
    job(0, "succeeded", [0, 2]),
    job(1, "succeeded", [2, 4]),
    job(2, "failed", [2, 8]),
    job(3, "running", [4, null]),
  ];
  const waves = [
    wave(0, 1, 1, { counts: { succeeded: 1 }, started_at: at(0), ended_at: at(2) }),
    wave(1, 3, 2, { counts: { succeeded: 1, failed: 1 }, started_at: at(2) }),
  ];

  it("has a lane for each slot, and an attempt takes the lane that has become free", () => {
    const [canary, rest] = rowsOf([step(jobs, { waves })], null, 10)[0]?.waves ?? [];
    expect([canary?.isCanary, canary?.span, canary?.lanes]).toEqual([true, { from: 0, to: 0.2 }, 1]);
    expect([rest?.isCanary, rest?.span, rest?.lanes]).toEqual([false, { from: 0.2, to: 1 }, 2]);
    expect(rest?.segments.map(({ agent, lane, to }) => [agent, lane, to])).toEqual([
      ["web-1", 0, 0.4],
      ["web-2", 1, 0.8],
      ["web-3", 0, 1],
    ]);
  });

  it("shows the attempts before the last one too", () => {
    const earlier = [{ number: 1, state: "failed", exit_code: 1, reason: null, started_at: at(0), ended_at: at(1), duration_seconds: 1 }] as const;
    const again = job(0, "succeeded", [2, 3], { attempt: 2, earlier: [...earlier] });
    const [row] = rowsOf([step([again, job(1, "waiting")], { waves: [wave(0, 2, 1)] })], 4)[0]?.waves ?? [];
    expect(row?.segments.map(({ state, from }) => [state, from])).toEqual([["failed", 0], ["succeeded", 0.5]]);
  });

  it("of which not all jobs are known is one bar, to where the next one begins", () => {
    const wide = [
      wave(0, 50, 50, { counts: { succeeded: 50 }, started_at: at(0) }),
      wave(50, 950, 100, { counts: {}, started_at: at(5) }),
    ];
    const rows = rowsOf([step(jobs, { waves: wide })], null, 10)[0]?.waves ?? [];
    expect(rows.map(({ segments, span }) => [segments.length, span])).toEqual([
      [0, { from: 0, to: 0.5 }],
      [0, { from: 0.5, to: 1 }],
    ]);
  });
});

it.each([
  [0.3, [0, 0.1, 0.2]],
  [10, [0, 2, 4, 6, 8]],
  [61, [0, 15, 30, 45]],
  [86_400 * 300, [0]],
])("a scale of %d seconds has marks at round times", (seconds, marks) => {
  const { run, steps } = detail([], seconds);
  const { ticks } = timelineOf(run, steps, 0);
  expect(ticks.map((tick) => Math.round(tick.seconds * 10) / 10).slice(0, marks.length)).toEqual(marks);
  expect(Math.max(...ticks.map((tick) => tick.at))).toBeLessThanOrEqual(0.94);
});
