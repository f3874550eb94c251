import { useQueryClient } from "@tanstack/vue-query";
import { onScopeDispose, watch } from "vue";
import { probe } from "@/api/client";
import { isConnectionLost } from "@/api/connection";
import { t } from "@/locales";
import { useNotices } from "@/stores/notices";

/** A page may ask for something new only now and then. */
const PROBE_MS = 5_000;

/**
 * Once the control plane can be reached again, all that is shown is read anew, and that is said. It
 * is looked for when the browser says that its network has gone or come, and every few seconds while
 * the connection is lost and somebody looks.
 */
export function useCaughtUp(): void {
  const client = useQueryClient();
  const notices = useNotices();
  let timer: ReturnType<typeof setInterval> | undefined;

  function look(): void {
    if (!document.hidden) void probe();
  }

  watch(isConnectionLost, async (isLost) => {
    clearInterval(timer);
    if (isLost) {
      timer = setInterval(look, PROBE_MS);
      return;
    }
    await client.refetchQueries({ type: "active" });
    if (!isConnectionLost.value) notices.done(t("nav.connectedAgain"));
  });
  for (const event of ["online", "offline"]) window.addEventListener(event, look);
  onScopeDispose(() => {
    clearInterval(timer);
    for (const event of ["online", "offline"]) window.removeEventListener(event, look);
  });
}
