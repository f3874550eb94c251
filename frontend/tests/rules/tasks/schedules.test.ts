import { describe, expect, it, vi } from "vitest";
import type { Schedule } from "@/api/types";
import { byUrgency, healthOf, matching, ownZone, zones } from "@/rules/tasks/schedules";

function schedule(id: string, more: Partial<Schedule> = {}): Schedule {
  return {
    id, task_id: "T1", task_name: "deploy", cron: "@daily", time_zone: "UTC", overlap: "skip",
    catch_up: "none", paused: false, parameters: {},
    created_by: { kind: "token", id: "t", name: "ann" }, created_at: "2026-01-02T03:04:05Z",
    next_due_at: "2026-01-03T00:00:00Z", last_due_at: null, last_run_id: null,
    last_run_state: null, last_problem: null, ...more,
  }; // prettier-ignore
}

describe("a schedule", () => {
  it.each<[Partial<Schedule>, string]>([
    [{}, "active"],
    [{ last_run_state: "succeeded" }, "active"],
    [{ last_run_state: "cancelled" }, "active"],
    [{ last_run_state: "failed" }, "failing"],
    [{ last_run_state: "timed_out" }, "failing"],
    [{ last_problem: "The task needs 'version'." }, "failing"],
    [{ last_run_state: "failed", paused: true }, "paused"],
    [{ next_due_at: null }, "over"],
  ])("with %o is %s", (what, health) => {
    expect(healthOf(schedule("a", what))).toBe(health);
  });
});

it("what fails comes first, then what is due next, and what comes due no more last", () => {
  const all = [
    schedule("paused", { paused: true, next_due_at: null }),
    schedule("late", { next_due_at: "2026-01-04T00:00:00Z" }),
    schedule("soon"),
    schedule("over", { next_due_at: null }),
    schedule("failing", { last_run_state: "failed", next_due_at: "2026-02-01T00:00:00Z" }),
  ];
  expect([...all].sort(byUrgency).map((each) => each.id)).toEqual(["failing", "soon", "late", "paused", "over"]);
});

it("schedules are found by task, expression and zone, and by how they are", () => {
  const all = [
    schedule("a"),
    schedule("b", { task_name: "Backup", time_zone: "Europe/Berlin", last_problem: "gone" }),
    schedule("c", { task_name: null, cron: "0 3 * * SUN" }),
  ];
  const found = (text: string, health = "") => matching(all, { text, health }).map((each) => each.id);
  expect(found("")).toEqual(["a", "b", "c"]);
  expect(found(" BACK ")).toEqual(["b"]);
  expect(found("berlin")).toEqual(["b"]);
  expect(found("sun")).toEqual(["c"]);
  expect(found("", "failing")).toEqual(["b"]);
});

it("time zones are the browser's, each once; a browser that lists none has the most common ones", () => {
  const all = zones("Europe/Berlin", "");
  expect(all.slice(0, 2)).toEqual(["Europe/Berlin", "UTC"]);
  expect(all).toContain(ownZone());
  expect(new Set(all).size).toBe(all.length);
  vi.stubGlobal("Intl", { ...Intl, supportedValuesOf: undefined, DateTimeFormat: Intl.DateTimeFormat });
  expect(zones("Antarctica/Troll")).toEqual(expect.arrayContaining(["Antarctica/Troll", "UTC", "Asia/Shanghai"]));
  vi.unstubAllGlobals();
});
