import { useQueryClient } from "@tanstack/vue-query";
import { watch } from "vue";
import { isConnectionLost } from "@/api/connection";
import { t } from "@/locales";
import { useNotices } from "@/stores/notices";

/** Once the control plane can be reached again, all that is shown is read anew, and that is said. */
export function useCaughtUp(): void {
  const client = useQueryClient();
  const notices = useNotices();
  watch(isConnectionLost, async (isLost) => {
    if (isLost) return;
    await client.refetchQueries({ type: "active" });
    if (!isConnectionLost.value) notices.done(t("nav.connectedAgain"));
  });
}
