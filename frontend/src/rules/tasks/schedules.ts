import type { Schedule, Task } from "@/api/types";
import type { Tone } from "@/rules/states";

/** What one wants to know of a schedule first. */
export type ScheduleHealth = "failing" | "active" | "paused" | "over";
export const HEALTHS = ["failing", "active", "paused", "over"] as const;
export const HEALTH_TONES: Readonly<Record<ScheduleHealth, Tone>> = {
  failing: "bad",
  active: "good",
  paused: "warn",
  over: "none",
};

const BAD: ReadonlySet<string> = new Set(["failed", "timed_out"]);

/** Failing: its last due time made no run, or the run did not go well. Over: it never comes due again. */
export function healthOf(schedule: Schedule): ScheduleHealth {
  if (schedule.paused) return "paused";
  const { last_problem: problem, last_run_state: state } = schedule;
  if (problem !== null || BAD.has(state ?? "")) return "failing";
  return schedule.next_due_at === null ? "over" : "active";
}

/** What fails first, then what comes due next; what comes due no more is last. */
export function byUrgency(one: Schedule, other: Schedule): number {
  const rank = (each: Schedule) => HEALTHS.indexOf(healthOf(each));
  const isFailing = (each: Schedule) => Number(healthOf(each) !== "failing");
  const due = (each: Schedule) => each.next_due_at ?? "~";
  return (
    isFailing(one) - isFailing(other) ||
    compared(due(one), due(other)) ||
    rank(one) - rank(other) ||
    compared(one.id, other.id)
  );
}

function compared(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** Those that are as asked for: by a part of the task's name or the expression, and by health. */
export function matching(
  schedules: readonly Schedule[],
  { text, health }: { text: string; health: string },
): Schedule[] {
  const wanted = text.trim().toLowerCase();
  return schedules.filter((each) => {
    const words = `${each.task_name ?? ""} ${each.cron} ${each.time_zone}`.toLowerCase();
    return words.includes(wanted) && (health === "" || healthOf(each) === health);
  });
}

/** Where the viewer is, as the browser says. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** For browsers that list none themselves. */
const SOME_ZONES = [
  "Africa/Cairo", "Africa/Johannesburg", "America/Chicago", "America/Los_Angeles", "America/New_York",
  "America/Sao_Paulo", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Kolkata", "Asia/Seoul", "Asia/Shanghai",
  "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Berlin", "Europe/London",
  "Europe/Moscow", "Europe/Paris", "Pacific/Auckland",
]; // prettier-ignore

/** The names of time zones: UTC, the viewer's and the one that is chosen first. */
export function zones(...first: string[]): string[] {
  const intl = Intl as typeof Intl & { supportedValuesOf?: (key: "timeZone") => string[] };
  const all = intl.supportedValuesOf?.("timeZone") ?? SOME_ZONES;
  return [...new Set([...first, "UTC", ownZone(), ...all])].filter((zone) => zone !== "");
}

/** Expressions to begin with, by the key of their text. */
export const PRESETS = {
  hourly: "0 * * * *",
  daily: "30 2 * * *",
  weekdays: "0 9 * * MON-FRI",
  weekly: "0 3 * * SUN",
  monthly: "0 4 1 * *",
} as const;

/** Tasks as choices of a field. */
export function taskChoices(tasks: readonly Task[]): { value: string; text: string }[] {
  return tasks.map((task) => ({ value: task.id, text: task.name }));
}
