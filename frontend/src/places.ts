import {
  CalendarClock,
  History,
  KeyRound,
  LayoutDashboard,
  ListChecks,
  Server,
  SquareTerminal,
} from "lucide-vue-next";
import { computed, type Component, type ComputedRef } from "vue";
import { t } from "./locales";
import { useSession } from "@/stores/access/session";

/** A page that the navigation and the command palette name. */
export interface Place {
  to: string;
  text: string;
  icon: Component;
  testid: string;
}

/** The places that who is signed in may go to, in the order in which they are shown. */
export function usePlaces(): ComputedRef<Place[]> {
  const session = useSession();
  return computed(() => [
    { to: "/", text: t("overview.title"), icon: LayoutDashboard, testid: "nav-overview" },
    { to: "/runs", text: t("runs.title"), icon: History, testid: "nav-runs" },
    { to: "/tasks", text: t("tasks.title"), icon: ListChecks, testid: "nav-tasks" },
    {
      to: "/schedules",
      text: t("schedules.title"),
      icon: CalendarClock,
      testid: "nav-schedules",
    },
    { to: "/agents", text: t("agents.title"), icon: Server, testid: "nav-agents" },
    ...(session.mayCommand
      ? [{ to: "/command", text: t("command.title"), icon: SquareTerminal, testid: "nav-command" }]
      : []),
    ...(session.can("tokens:write")
      ? [{ to: "/tokens", text: t("tokens.title"), icon: KeyRound, testid: "nav-tokens" }]
      : []),
  ]);
}
