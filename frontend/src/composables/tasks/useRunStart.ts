import { ref } from "vue";
import { useRouter } from "vue-router";
import { newIdempotencyKey } from "@/api/idempotency";
import { executeTask, getTask } from "@/api/tasks";
import { useNotices } from "@/stores/notices";
import { useLaunch } from "@/stores/tasks/launch";

/**
 * Triggers a task, after a dialog when it has parameters, and goes to its run. A second click while
 * the first one is under way is nothing.
 */
export function useRunStart() {
  const router = useRouter();
  const notices = useNotices();
  const launch = useLaunch();
  const isStarting = ref(false);

  async function start(taskId: string): Promise<void> {
    if (isStarting.value) return;
    isStarting.value = true;
    try {
      const task = await getTask(taskId);
      const values = task.params.length > 0 ? await launch.ask(task) : {};
      if (values !== null) {
        const run = await executeTask(taskId, values, newIdempotencyKey());
        await router.push(`/runs/${run.id}`);
      }
    } catch (error) {
      notices.failed(error);
    }
    isStarting.value = false;
  }

  return { isStarting, start };
}
