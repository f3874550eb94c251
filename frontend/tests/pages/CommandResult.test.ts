import { VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createApp, h, type App } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";
import { createQueryClient } from "@/api/queries";
import CommandResult from "@/pages/runs/CommandResult.vue";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";

const AT = "2026-01-02T03:04:05Z";
const JOB = { job_id: "1-a", agent_id: "a", agent_name: "web-1", state: "failed", exit_code: 3 };
const GROUP = {
  state: "failed", exit_code: 3, reason: null, count: 1, jobs: [JOB], stdout_bytes: 4, stderr_bytes: 0,
  sample: { job_id: "1-a", text: "bad\n", is_cut: false },
}; // prettier-ignore

let calls: Call[];
let found: unknown[];
let app: App;

beforeEach(() => {
  stopTime();
  calls = farSide();
  found = [];
  const routes = [{ path: "/:rest(.*)*", component: { render: () => null } }];
  app = createApp(() => h(CommandResult, { runId: "R1", onFound: (detail: unknown) => found.push(detail) }));
  app.use(createPinia());
  app.use(VueQueryPlugin, { queryClient: createQueryClient() });
  app.use(createRouter({ history: createMemoryHistory(), routes }));
  app.mount(document.body.appendChild(document.createElement("div")));
});

afterEach(() => {
  app.unmount();
  document.body.innerHTML = "";
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function detail(state: string) {
  const progress = { total: 1, ended: 0, percent: 0, counts: {} };
  const run = {
    id: "R1", state, task_name: "uptime", revision: 0, reason: null, progress, started_at: AT, duration_seconds: null,
  }; // prettier-ignore
  return { run, steps: [], cause: null };
}

async function answerAll(state: string, outputs: object): Promise<string[]> {
  const asked = calls.splice(0);
  for (const call of asked) await call.answer(call.path.endsWith("/outputs") ? outputs : detail(state));
  await settled();
  return asked.map((each) => each.path);
}

it("looks at run and outputs while they go on, and at nothing once they have ended", async () => {
  await answerAll("running", { groups: [], pending: [JOB] });
  expect(document.querySelector("[data-testid=command-waiting]")?.textContent).toContain("1 has not ended: web-1");
  const asked: string[] = [];
  for (let seconds = 0; seconds < 10; seconds++) {
    await pass(1_000);
    asked.push(...(await answerAll("running", { groups: [], pending: [JOB] })));
  }
  expect(asked.filter((path) => path === "/runs/R1")).toHaveLength(10);
  expect(asked.filter((path) => path === "/runs/R1/outputs")).toHaveLength(5);
  await pass(2_000);
  await answerAll("failed", { groups: [GROUP], pending: [] });
  await pass(60_000);
  expect(calls).toEqual([]);
  const group = document.querySelector("[data-testid=output-group]")?.textContent ?? "";
  expect(group).toContain("exit code 3");
  expect(group).toContain("bad");
  expect(found).toHaveLength(1);
});
