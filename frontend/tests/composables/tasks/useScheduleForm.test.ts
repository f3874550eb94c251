import { beforeEach, expect, it } from "vitest";
import { computed, nextTick, ref } from "vue";
import type { Schedule } from "@/api/types";
import { useScheduleForm } from "@/composables/tasks/useScheduleForm";
import { farSide, pass, settled, stopTime, type Call } from "../../farSide";
import { mounted } from "../../mounted";

let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

const callsOf = (method: string, path: string) =>
  calls.filter((each) => each.method === method && each.path === path);
const param = (name: string, more: object) => ({ name, secret: false, default: null, choices: [], ...more });

async function opened(given: Schedule | null = null) {
  const schedule = ref(given);
  const used = mounted(() => useScheduleForm(computed(() => schedule.value), ref("T1")));
  used.fill();
  await settled();
  return used;
}

it("what is typed is previewed once nobody is typing, and never before something is", async () => {
  const { form, preview } = await opened();
  await pass(1_000);
  expect(callsOf("POST", "/schedules/preview")).toEqual([]);
  form.zone = "Europe/Berlin";
  for (const cron of ["3", "30", "30 2 * * *"]) {
    form.cron = cron;
    await nextTick();
    await pass(100);
  }
  await pass(250);
  const [asked, ...others] = callsOf("POST", "/schedules/preview");
  expect([asked?.body, others]).toEqual([{ cron: "30 2 * * *", time_zone: "Europe/Berlin" }, []]);
  await asked?.answer({ times: [{ at: "2026-01-03T01:30:00Z", local: "2026-01-03T02:30:00+01:00" }] });
  expect(preview.data.value?.times).toHaveLength(1);
});

it("what is wrong with an expression is told without asking for it again", async () => {
  const { form, preview } = await opened();
  form.cron = "61 * * * *";
  await nextTick();
  await pass(250);
  await callsOf("POST", "/schedules/preview")[0]?.refuse(400, 1001, "It takes 0-59.");
  await pass(60_000);
  expect(preview.error.value).toMatchObject({ message: "It takes 0-59." });
  expect(callsOf("POST", "/schedules/preview")).toHaveLength(1);
});

it("a new one has the task's parameters that were filled in, and no secret ones", async () => {
  const { form, values, params, secrets, saving } = await opened();
  const asked = [param("version", {}), param("stage", { default: "test" }), param("key", { secret: true })];
  await callsOf("GET", "/tasks/T1")[0]?.answer({ task: { id: "T1" }, params: asked });
  expect(params.value.map((each) => each.name)).toEqual(["version", "stage"]);
  expect(secrets.value.map((each) => each.name)).toEqual(["key"]);
  Object.assign(form, { cron: " @daily ", zone: "UTC", overlap: "queue" });
  values.value = { version: "1.2", stage: "" };
  void saving.run();
  await settled();
  expect(callsOf("POST", "/schedules")[0]?.body).toEqual({
    task_id: "T1",
    cron: "@daily",
    time_zone: "UTC",
    overlap: "queue",
    catch_up: "none",
    paused: false,
    parameters: { version: "1.2" },
  });
});

it("one that is changed begins with what it is, and is changed and not made again", async () => {
  const given = {
    id: "S1", task_id: "T2", cron: "@hourly", time_zone: "Asia/Shanghai", overlap: "replace",
    catch_up: "one", paused: true, parameters: {},
  } as unknown as Schedule; // prettier-ignore
  const { form, saving } = await opened(given);
  expect({ ...form }).toEqual({
    task: "T2", cron: "@hourly", zone: "Asia/Shanghai", overlap: "replace", catchUp: "one", isPaused: true,
  }); // prettier-ignore
  form.isPaused = false;
  void saving.run();
  await settled();
  expect(callsOf("PATCH", "/schedules/S1")[0]?.body).toMatchObject({ cron: "@hourly", paused: false });
  expect(callsOf("POST", "/schedules")).toEqual([]);
});
