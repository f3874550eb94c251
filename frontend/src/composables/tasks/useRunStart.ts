import { useRouter } from "vue-router";
import { newIdempotencyKey } from "@/api/idempotency";
import { keys } from "@/api/queries";
import { executeTask, getTask } from "@/api/tasks";
import type { Run } from "@/api/types";
import { useChange } from "@/composables/useChange";
import { useLaunch } from "@/stores/tasks/launch";

interface Start {
  /** What would run is shown before, also where nothing needs to be asked. */
  isPlanned?: boolean;
  /** With what the dialog begins, as far as the task still asks for it; secrets are never known. */
  values?: Record<string, string>;
}

/**
 * Triggers a task, after a dialog when it has parameters, and goes to its run. A second click while
 * the first one is under way is nothing.
 */
export function useRunStart() {
  const router = useRouter();
  const launch = useLaunch();
  const { isBusy, run } = useChange({ change: trigger, invalidates: [keys.runs] });

  /** Null when the person does not want to. */
  async function trigger({ taskId, ...how }: Start & { taskId: string }): Promise<Run | null> {
    const task = await getTask(taskId);
    const values = how.isPlanned || task.params.length > 0 ? await launch.ask(task, how) : {};
    return values === null ? null : executeTask(taskId, values, newIdempotencyKey());
  }

  async function start(taskId: string, how: Start = {}): Promise<void> {
    const started = await run({ taskId, ...how });
    if (started) await router.push(`/runs/${started.id}`);
  }

  return { isStarting: isBusy, start };
}
