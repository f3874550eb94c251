import { ref } from "vue";
import { useRouter } from "vue-router";
import { executeTask } from "@/api/tasks";
import { useNotices } from "@/stores/notices";

/** Triggers a task and goes to its run. A second click while the first one is under way is nothing. */
export function useRunStart() {
  const router = useRouter();
  const notices = useNotices();
  const isStarting = ref(false);

  async function start(taskId: string): Promise<void> {
    if (isStarting.value) return;
    isStarting.value = true;
    try {
      const run = await executeTask(taskId, newKey());
      await router.push(`/runs/${run.id}`);
    } catch (error) {
      notices.failed(error);
    }
    isStarting.value = false;
  }

  return { isStarting, start };
}

/** 128 random bits; `crypto.randomUUID` is not there on plain HTTP. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
