import { VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createApp, type App } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";
import RunPage from "@/pages/runs/RunPage.vue";
import { createQueryClient } from "@/api/queries";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";
import { record } from "../rules/logs/records";
import { detail, job, step } from "../rules/runs/details";

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

/** A run of one job in one of its attempts. */
const running = (attempt: number) => detail([step([job(0, "running", [0, null], { attempt })])], null);

const callsOf = (path: string) => calls.filter((each) => each.path === path);

it("reads another attempt's log from its beginning, and gives up that of the one before", async () => {
  await calls[0]?.answer(running(1));
  await settled();
  const page = { records: [record("stdout", "first try\n")], has_more: false, missing: null };
  await callsOf("/runs/R1/jobs/1-0/log")[0]?.answer({ ...page, next: "2.0", state: "streaming" });
  await pass(1_000);
  await callsOf("/runs/R1").at(-1)?.answer(running(2));
  const logs = callsOf("/runs/R1/jobs/1-0/log");
  expect(logs.map(({ query }) => [query.attempt, query.cursor])).toEqual([
    ["1", undefined],
    ["1", "2.0"],
    ["2", undefined],
  ]);
  expect(logs.map((each) => each.isAborted)).toEqual([true, true, false]);
});
