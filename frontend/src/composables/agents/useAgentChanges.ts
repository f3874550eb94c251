import { useQueryClient } from "@tanstack/vue-query";
import { changeAgent } from "@/api/agents";
import { keys } from "@/api/queries";
import type { Agent, AgentChange } from "@/api/types";
import { messageOf } from "@/api/errors";
import { useEach } from "@/composables/useEach";
import { count, t } from "@/locales";
import { inverseOf, isNothing } from "@/rules/agents/change";
import { useNotices } from "@/stores/notices";

/** Changes of one agent or of many, each of which can be taken back as long as the notice is there. */
export function useAgentChanges() {
  const client = useQueryClient();
  const notices = useNotices();
  const { run, isBusy, progress } = useEach();

  /**
   * Changes those that are not so already. Null once all is said; the error instead when it failed
   * with every one, for whoever asked to show.
   */
  async function change(agents: readonly Agent[], wanted: AgentChange): Promise<unknown> {
    const touched = agents.filter((agent) => !isNothing(wanted, agent));
    const { done, failed } = await run(touched, (agent) => changeAgent(agent.id, wanted));
    void client.invalidateQueries({ queryKey: keys.agents });
    const error = failed[0]?.error ?? null;
    if (done.length === 0 && error !== null) return error;
    if (error !== null) tell(failed.length, error);
    notices.done(said(done, touched.length === 0), done.length > 0 ? () => takeBack(done, wanted) : undefined);
    return null;
  }

  async function takeBack(agents: readonly Agent[], change: AgentChange): Promise<void> {
    const { failed } = await run(agents, (agent) => changeAgent(agent.id, inverseOf(change, agent)));
    void client.invalidateQueries({ queryKey: keys.agents });
    if (failed[0]) tell(failed.length, failed[0].error);
    else notices.done(t("agents.takenBack"));
  }

  function tell(n: number, error: unknown): void {
    notices.failed(new Error(count("agents.notChanged", n, { reason: messageOf(error) })));
  }

  return { change, isBusy, progress };
}

function said(done: readonly Agent[], isNeedless: boolean): string {
  if (isNeedless) return t("agents.areSo");
  const [only] = done;
  return done.length === 1 && only ? t("agents.changedOne", { name: only.name }) : count("agents.changed", done.length);
}
