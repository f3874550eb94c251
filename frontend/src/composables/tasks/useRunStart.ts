import { useRouter } from "vue-router";
import { newIdempotencyKey } from "@/api/idempotency";
import { keys } from "@/api/queries";
import { executeTask, getTask } from "@/api/tasks";
import type { Run } from "@/api/types";
import { useChange } from "@/composables/useChange";
import { useLaunch } from "@/stores/tasks/launch";

interface Asked {
  taskId: string;
  isPlanned: boolean;
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
  async function trigger({ taskId, isPlanned }: Asked): Promise<Run | null> {
    const task = await getTask(taskId);
    const values = isPlanned || task.params.length > 0 ? await launch.ask(task, isPlanned) : {};
    return values === null ? null : executeTask(taskId, values, newIdempotencyKey());
  }

  /** `isPlanned`: what would run is shown before, also where nothing needs to be asked. */
  async function start(taskId: string, isPlanned = false): Promise<void> {
    const started = await run({ taskId, isPlanned });
    if (started) await router.push(`/runs/${started.id}`);
  }

  return { isStarting: isBusy, start };
}
