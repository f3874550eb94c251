import { VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";
import { createQueryClient } from "@/api/queries";
import OverviewPage from "@/pages/OverviewPage.vue";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";
import { hide } from "../mounted";

const AT = "2026-01-02T03:04:05Z";
const CI = { kind: "token", id: "t", name: "ci" };
const OVERVIEW = {
  runs_active: 0, active: [], runs_failed: 1, days: [], counted_since: null, agents_gone: [],
  agents: { online: 1, offline: 0, disabled: 0, never_seen: 0 }, schedules_failing: [], schedules_next: [],
  logs_given_up: [], dead_letters: 0, has_more: [],
  failing: [{
    task_id: "T", task_name: "deploy", is_command: false, count: 1, run_id: "02", state: "failed",
    reason: "exit code 3", triggered_by: CI, created_at: AT,
  }],
}; // prettier-ignore
const run = (id: string, state: string) => ({
  id, state, task_id: "T", task_name: "deploy", triggered_by: CI, created_at: AT, started_at: AT, ended_at: AT,
  duration_seconds: 1, retry_of: null, progress: { percent: 100 },
}); // prettier-ignore

let calls: Call[];
let app: App;

beforeEach(() => {
  stopTime();
  calls = farSide();
  const routes = [{ path: "/:rest(.*)*", component: { render: () => null } }];
  app = createApp(OverviewPage);
  app.use(createPinia());
  app.use(VueQueryPlugin, { queryClient: createQueryClient() });
  app.use(createRouter({ history: createMemoryHistory(), routes }));
  app.mount(document.body.appendChild(document.createElement("div")));
});

afterEach(() => {
  app.unmount();
  document.body.innerHTML = "";
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const paths = () => calls.map((each) => each.path);
const byTestId = (id: string) => document.querySelector(`[data-testid="${id}"]`);

async function answerAll(items: object[]): Promise<void> {
  for (const call of calls.splice(0)) await call.answer(call.path === "/stats" ? OVERVIEW : { items, next: null });
  await settled();
}

it("asks for little: the overview every 15 seconds, the runs every 5, and nothing while it is hidden", async () => {
  expect(paths()).toEqual(["/stats", "/runs"]);
  await answerAll([run("01", "succeeded")]);
  const asked: string[] = [];
  for (let seconds = 0; seconds < 60; seconds += 5) {
    await pass(5_000);
    asked.push(...paths());
    await answerAll([run("01", "succeeded")]);
  }
  expect(asked.filter((path) => path === "/stats")).toHaveLength(4);
  expect(asked.filter((path) => path === "/runs")).toHaveLength(12);
  hide(true);
  await pass(60_000);
  expect(calls).toEqual([]);
});

it("tells what failed until a run of it that came later has gone well", async () => {
  await answerAll([run("02", "failed")]);
  expect(byTestId("concern-failing")?.textContent).toContain("deploy failed");
  await pass(5_000);
  await answerAll([run("03", "succeeded"), run("02", "failed")]);
  expect(byTestId("concern-failing")).toBeNull();
  expect(byTestId("attention-none")).not.toBeNull();
});

it("asks whether there is a task only where nothing has run, and ticks off what is done", async () => {
  await answerAll([]);
  expect(paths()).toEqual(["/tasks"]);
  expect(byTestId("first-agent")?.getAttribute("data-done")).toBe("true");
  expect(byTestId("first-task")?.getAttribute("data-done")).toBe("false");
  await answerAll([{ id: "T", name: "deploy" }]);
  expect(byTestId("first-task")?.getAttribute("data-done")).toBe("true");
  expect(byTestId("first-run")?.getAttribute("data-done")).toBe("false");
  expect(byTestId("figures")).toBeNull();
});

it("shows what is wrong when it cannot be read, and tries again when asked", async () => {
  await calls[0]?.refuse(500, 5000, "Something went wrong.");
  await settled();
  expect(document.querySelector("[role=alert]")).not.toBeNull();
  calls.splice(0);
  document.querySelector<HTMLButtonElement>("[role=alert] button")?.click();
  await settled();
  expect(paths()).toEqual(["/stats"]);
});
