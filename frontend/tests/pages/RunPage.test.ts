import { VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";
import RunPage from "@/pages/runs/RunPage.vue";
import { createQueryClient } from "@/api/queries";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";
import { record } from "../rules/logs/records";

const AT = "2026-01-02T03:04:05Z";

let calls: Call[];
let app: App;

beforeEach(() => {
  stopTime();
  calls = farSide();
  const routes = [{ path: "/:rest(.*)*", component: { render: () => null } }];
  app = createApp(RunPage, { id: "R1" });
  app.use(createPinia());
  app.use(VueQueryPlugin, { queryClient: createQueryClient() });
  app.use(createRouter({ history: createMemoryHistory(), routes }));
  app.mount(document.body.appendChild(document.createElement("div")));
});

afterEach(() => {
  app.unmount();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A run of one job in one of its attempts, as far as the page looks at it. */
function detail(attempt: number) {
  const times = { started_at: AT, duration_seconds: null };
  const progress = { total: 1, ended: 0, percent: 0, counts: {} };
  const both = { state: "running", progress, ...times };
  const job = { id: "1-a", step: 1, attempt, agent_name: "a", earlier: [], exit_code: null };
  const asWritten = { command: "make", retries: 3, timeout_seconds: null };
  const step = { number: 1, name: "build", step: asWritten, jobs: [{ ...job, ...both }], jobs_omitted: 0, ...both };
  const triggered_by = { kind: "token", id: "t", name: "ann" };
  const run = { id: "R1", task_name: "deploy", triggered_by, parameters: {}, secrets: [], created_at: AT, revision: 1, ...both };
  return { run, progress, steps: [step] };
}

const callsOf = (path: string) => calls.filter((each) => each.path === path);

it("reads another attempt's log from its beginning, and gives up that of the one before", async () => {
  await calls[0]?.answer(detail(1));
  await settled();
  const page = { records: [record("stdout", "first try\n")], has_more: false, missing: null };
  await callsOf("/runs/R1/jobs/1-a/log")[0]?.answer({ ...page, next: "2.0", state: "streaming" });
  await pass(1_000);
  await callsOf("/runs/R1").at(-1)?.answer(detail(2));
  const logs = callsOf("/runs/R1/jobs/1-a/log");
  expect(logs.map(({ query }) => [query.attempt, query.cursor])).toEqual([
    ["1", undefined],
    ["1", "2.0"],
    ["2", undefined],
  ]);
  expect(logs.map((each) => each.isAborted)).toEqual([true, true, false]);
});
