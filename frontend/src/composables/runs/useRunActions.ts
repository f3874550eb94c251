import { ref } from "vue";
import { useRouter } from "vue-router";
import { newIdempotencyKey } from "@/api/idempotency";
import { cancelJob, cancelRun, retryRun } from "@/api/runs";
import type { RetryWhat } from "@/api/types";
import { useConfirmation } from "@/stores/confirmation";
import { useNotices } from "@/stores/notices";

/** What a person does to a run. `changed` is called after a cancel, whether it went well or not. */
export function useRunActions(runId: string, changed: () => Promise<void>) {
  const router = useRouter();
  const notices = useNotices();
  const confirmation = useConfirmation();
  const isBusy = ref(false);

  /** Runs it again and goes to the new run. A second click while one is under way is nothing. */
  async function retry(what: RetryWhat, secrets: Record<string, string> = {}): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    try {
      const run = await retryRun(runId, what, secrets, newIdempotencyKey());
      await router.push(`/runs/${run.id}`);
    } catch (caught) {
      notices.failed(caught);
    }
    isBusy.value = false;
  }

  async function cancelOne(jobId: string): Promise<void> {
    try {
      await cancelJob(runId, jobId);
    } catch (caught) {
      notices.failed(caught);
    }
    await changed();
  }

  async function cancel(): Promise<void> {
    const goOn = await confirmation.ask({
      title: "Cancel this run?",
      text: "Nothing more of it starts, and the commands that are running are ended.",
      action: "Cancel the run",
      isDangerous: true,
    });
    if (!goOn) return;
    isBusy.value = true;
    try {
      await cancelRun(runId);
    } catch (caught) {
      notices.failed(caught);
    }
    await changed();
    isBusy.value = false;
  }

  return { isBusy, retry, cancelOne, cancel };
}
