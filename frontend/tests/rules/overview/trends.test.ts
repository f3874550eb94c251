import { expect, test } from "vitest";
import type { Overview, Run } from "@/api/types";
import { feed, highest, runCount, successRate } from "@/rules/overview/trends";

const day = (active: number, succeeded: number, failed: number, cancelled: number): Overview["days"][number] => ({
  day: "2026-01-01", active, succeeded, failed, cancelled, success_rate: null, duration_p50: null, duration_p95: null,
}); // prettier-ignore
const run = (id: string, state: Run["state"]) => ({ id, state }) as Run;
const shown = (runs: readonly Run[]) => runs.map((each) => `${each.id} ${each.state}`);

test("cancelled runs and those that go on say nothing of success", () => {
  expect(successRate([day(5, 3, 1, 9), day(0, 0, 0, 0)])).toBe(0.75);
  expect(successRate([day(5, 0, 0, 9)])).toBeNull();
});

test("bars are measured by the day with the most runs", () => {
  expect(runCount([day(1, 2, 3, 4), day(0, 1, 0, 0)])).toBe(11);
  expect([highest([day(1, 2, 3, 4), day(0, 1, 0, 0)]), highest([day(0, 0, 0, 0)]), highest([])]).toEqual([10, 1, 1]);
});

test("what goes on comes first, each run once and as it was read last", () => {
  const latest = [run("9", "running"), run("8", "failed"), run("7", "succeeded")];
  const active = [run("9", "queued"), run("8", "running"), run("3", "running")];
  expect(shown(feed(active, latest, 10))).toEqual(["9 running", "3 running", "8 failed", "7 succeeded"]);
  expect(shown(feed(active, latest, 2))).toEqual(["9 running", "3 running"]);
});

test("a run that is newer than the list, and not in it, is one that was never there", () => {
  expect(shown(feed([run("5", "running")], [run("9", "failed"), run("4", "failed")], 10))).toEqual(["9 failed", "4 failed"]);
});
