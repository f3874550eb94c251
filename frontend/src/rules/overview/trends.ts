import type { Overview, Run } from "@/api/types";
import { isActive } from "@/rules/states";

type Day = Overview["days"][number];

/** What the days come to together; null where nothing has ended that counts. */
export function successRate(days: readonly Day[]): number | null {
  const good = sum(days, (day) => day.succeeded);
  const judged = good + sum(days, (day) => day.failed);
  return judged === 0 ? null : good / judged;
}

/** All runs that were begun in these days. */
export function runCount(days: readonly Day[]): number {
  return sum(days, (day) => day.active + day.succeeded + day.failed + day.cancelled);
}

/** How many runs the highest bar stands for: never less than one. */
export function highest(days: readonly Day[]): number {
  return Math.max(1, ...days.map((day) => runCount([day])));
}

function sum(days: readonly Day[], of: (day: Day) => number): number {
  return days.reduce((total, day) => total + of(day), 0);
}

/**
 * Runs that go on, the newest first, then the latest of those that have ended: each once, and as
 * the list that was read more often, `latest`, has it.
 */
export function feed(active: readonly Run[], latest: readonly Run[], length: number): Run[] {
  const fresh = new Map(latest.map((run) => [run.id, run]));
  const oldest = latest[latest.length - 1]?.id ?? "";
  // What is newer than the list's end and not in it was there when the overview was read only.
  const older = active.filter((run) => !fresh.has(run.id) && run.id < oldest);
  const going = [...latest.filter((run) => isActive(run.state)), ...older];
  const over = latest.filter((run) => !isActive(run.state));
  return [...going, ...over].slice(0, length);
}
