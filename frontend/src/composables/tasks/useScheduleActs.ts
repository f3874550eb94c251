import { useRouter } from "vue-router";
import { newIdempotencyKey } from "@/api/idempotency";
import { keys } from "@/api/queries";
import { changeSchedule, createSchedule, deleteSchedule, runSchedule } from "@/api/schedules";
import type { Schedule } from "@/api/types";
import { useChange } from "@/composables/useChange";
import { t } from "@/locales";

/** What a person does to a schedule. One that was removed comes back, if wanted, as a new one. */
export function useScheduleActs() {
  const router = useRouter();
  const name = (schedule: Schedule) => schedule.task_name ?? schedule.cron;

  const pausing = useChange({
    change: (schedule: Schedule) => changeSchedule(schedule.id, { paused: !schedule.paused }),
    invalidates: [keys.schedules],
    done: (now) => t(now.paused ? "schedules.isPaused" : "schedules.isResumed", { name: name(now) }),
    undo: (now): unknown => pausing.run(now),
  });
  const making = useChange({
    change: ({ task_id, cron, time_zone, overlap, catch_up, paused, parameters }: Schedule) =>
      createSchedule({ task_id, cron, time_zone, overlap, catch_up, paused, parameters }),
    invalidates: [keys.schedules],
  });
  const removing = useChange({
    change: (schedule: Schedule) => deleteSchedule(schedule.id),
    invalidates: [keys.schedules],
    done: (_, schedule) => t("schedules.isRemoved", { name: name(schedule) }),
    undo: (_, schedule) => making.run(schedule),
  });
  const starting = useChange({
    change: (schedule: Schedule) => runSchedule(schedule.id, newIdempotencyKey()),
    invalidates: [keys.runs, keys.schedules],
  });

  /** Answers whether it has gone. */
  async function remove(schedule: Schedule): Promise<boolean> {
    return (await removing.run(schedule)) !== undefined;
  }

  async function runNow(schedule: Schedule): Promise<void> {
    const run = await starting.run(schedule);
    if (run) await router.push(`/runs/${run.id}`);
  }

  return { toggle: pausing.run, isToggling: pausing.isBusy, remove, runNow, isStarting: starting.isBusy };
}
