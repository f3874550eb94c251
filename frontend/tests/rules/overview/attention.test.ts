import { expect, test } from "vitest";
import type { Overview, Run } from "@/api/types";
import { concerns } from "@/rules/overview/attention";

const AT = "2026-01-02T03:04:05Z";
const CI = { kind: "token", id: "t", name: "ci" } as const;

function overview(part: Partial<Overview>): Overview {
  return {
    runs_active: 0, active: [], runs_failed: 0, failing: [], days: [], counted_since: null,
    agents: { online: 1, offline: 0, disabled: 0, never_seen: 0 }, agents_gone: [],
    schedules_failing: [], schedules_next: [], logs_given_up: [], dead_letters: 0, has_more: [], ...part,
  }; // prettier-ignore
}

function failing(part: Partial<Overview["failing"][number]>): Overview["failing"][number] {
  return {
    task_id: "T", task_name: "deploy", is_command: false, count: 1, run_id: "02", state: "failed",
    reason: "exit code 3", triggered_by: CI, created_at: AT, ...part,
  }; // prettier-ignore
}

const run = (id: string, part: Partial<Run>) => ({ id, task_id: "T", state: "succeeded", retry_of: null, ...part }) as Run;
const titles = (found: ReturnType<typeof concerns>) => found.map((each) => each.title);

test("where nothing is wrong there is nothing to see to", () => {
  expect(concerns(overview({}), [])).toEqual([]);
  expect(concerns(overview({ dead_letters: null }), [])).toEqual([]);
});

test("a task is told with how often it failed, and why", () => {
  const found = concerns(overview({ failing: [failing({}), failing({ count: 3, run_id: "03", task_name: "x" })] }), []);
  expect(titles(found)).toEqual(["deploy failed", "x failed 3 times"]);
  expect(found[0]).toMatchObject({ text: "exit code 3", to: "/runs/02", at: AT });
  expect(titles(concerns(overview({ failing: [failing({ state: "timed_out" })] }), []))).toEqual(["deploy ran out of time"]);
});

test("what has gone well since the overview was read is not told", () => {
  const seen = overview({ failing: [failing({})] });
  expect(concerns(seen, [run("03", {})])).toEqual([]);
  expect(concerns(seen, [run("01", {})])).toHaveLength(1);
  expect(concerns(seen, [run("03", { task_id: "U" }), run("04", { state: "running" })])).toHaveLength(1);
  const command = overview({ failing: [failing({ is_command: true })] });
  expect(concerns(command, [run("03", {})])).toHaveLength(1);
  expect(concerns(command, [run("03", { retry_of: "02" })])).toEqual([]);
});

test("agents that are gone are one thing, with the names of some", () => {
  const gone = (count: number) => ({
    agents: { online: 0, offline: count, disabled: 0, never_seen: 0 },
    agents_gone: Array.from({ length: Math.min(count, 10) }, (_, n) => ({ id: `${n}`, name: `web-${n}`, last_seen_at: AT })),
  });
  const [one] = concerns(overview(gone(1)), []);
  expect(one).toMatchObject({ title: "web-0 is offline", to: "/agents/0" });
  const [many] = concerns(overview(gone(12)), []);
  expect(many).toMatchObject({ title: "12 agents are offline", to: "/agents?status=offline" });
  expect(many?.text).toContain("web-0, web-1, web-2 and 9 more");
});

test("schedules, logs and dead letters say where one goes on", () => {
  const found = concerns(
    overview({
      schedules_failing: [
        { id: "S", task_id: "T", task_name: "backup", cron: "@daily", next_due_at: null, last_due_at: AT, last_problem: "Missed." },
      ],
      logs_given_up: [{ run_id: "R", task_name: "deploy", job_id: "1-a", at: AT }],
      dead_letters: 2,
    }),
    [],
  );
  expect(found.map(({ kind, to }) => [kind, to])).toEqual([
    ["letters", null],
    ["schedule", "/schedules/S"],
    ["log", "/runs/R?job=1-a"],
  ]);
  expect(found[1]).toMatchObject({ title: "backup: the schedule @daily made no run", text: "Missed." });
});
