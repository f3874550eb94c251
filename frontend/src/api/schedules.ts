import { answered, api, asked } from "./client";
import type { DueTimes, NewSchedule, Page, Run, Schedule, ScheduleChange } from "./types";

const of = (id: string) => ({ path: { schedule_id: id } });

/** The first hundred schedules, or the hundred after the cursor; of one task, if it is named. */
export function listSchedules(
  filter: { task: string },
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Schedule>> {
  const query = asked({ limit: 100, task: filter.task, cursor });
  return answered(api.GET("/api/v1/schedules", { params: { query }, signal }));
}

export function getSchedule(id: string, signal?: AbortSignal): Promise<Schedule> {
  return answered(api.GET("/api/v1/schedules/{schedule_id}", { params: of(id), signal }));
}

export function createSchedule(schedule: NewSchedule): Promise<Schedule> {
  return answered(api.POST("/api/v1/schedules", { body: schedule }));
}

export function changeSchedule(id: string, change: ScheduleChange): Promise<Schedule> {
  return answered(api.PATCH("/api/v1/schedules/{schedule_id}", { params: of(id), body: change }));
}

export function deleteSchedule(id: string): Promise<null> {
  return answered(api.DELETE("/api/v1/schedules/{schedule_id}", { params: of(id) }));
}

/** Triggers at once what the schedule would. The same key answers the same run. */
export function runSchedule(id: string, idempotencyKey: string): Promise<Run> {
  const params = { ...of(id), header: { "Idempotency-Key": idempotencyKey } };
  return answered(api.POST("/api/v1/schedules/{schedule_id}/run", { params }));
}

/** The next ten times of an expression that is no schedule yet. Makes nothing. */
export function previewTimes(cron: string, zone: string, signal?: AbortSignal): Promise<DueTimes> {
  const body = { cron, time_zone: zone };
  return answered(api.POST("/api/v1/schedules/preview", { body, signal }));
}

/** The newest runs of a task that schedules made. */
export async function listScheduledRuns(taskId: string, signal?: AbortSignal): Promise<Run[]> {
  const query = { limit: 50, task: taskId, trigger: "schedule" };
  const page: Page<Run> = await answered(api.GET("/api/v1/runs", { params: { query }, signal }));
  return page.items;
}
