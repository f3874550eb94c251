import { computed } from "vue";
import { useRouter } from "vue-router";
import { newIdempotencyKey } from "@/api/idempotency";
import { keys } from "@/api/queries";
import { cancelJob, cancelRun, retryRun } from "@/api/runs";
import type { RetryWhat } from "@/api/types";
import { useChange } from "@/composables/useChange";
import { t } from "@/locales";
import { useConfirmation } from "@/stores/confirmation";

/** What a person does to a run. It is read again after each, whether it went well or not. */
export function useRunActions(runId: string) {
  const router = useRouter();
  const confirmation = useConfirmation();
  const retrying = useChange({
    change: ({ what, secrets }: { what: RetryWhat; secrets: Record<string, string> }) =>
      retryRun(runId, what, secrets, newIdempotencyKey()),
    invalidates: [keys.runs],
  });
  const cancelling = useChange({ change: () => cancelRun(runId), invalidates: [keys.runs] });
  const cancellingOne = useChange({
    change: (jobId: string) => cancelJob(runId, jobId),
    invalidates: [keys.run(runId)],
  });

  /** Runs it again and goes to the new run. A second click while one is under way is nothing. */
  async function retry(what: RetryWhat, secrets: Record<string, string> = {}): Promise<void> {
    const run = await retrying.run({ what, secrets });
    if (run) await router.push(`/runs/${run.id}`);
  }

  async function cancel(): Promise<void> {
    const goOn = await confirmation.ask({
      title: t("run.cancelTitle"),
      text: t("run.cancelText"),
      action: t("run.cancelAction"),
      isDangerous: true,
    });
    if (goOn) await cancelling.run();
  }

  const isBusy = computed(() => retrying.isBusy.value || cancelling.isBusy.value);
  return { isBusy, retry, cancelOne: cancellingOne.run, cancel };
}
