import { watch } from "vue";
import {
  createRouter,
  createWebHashHistory,
  type RouteLocationNormalized,
  type Router,
} from "vue-router";
import AgentPage from "./pages/agents/AgentPage.vue";
import AgentsPage from "./pages/agents/AgentsPage.vue";
import EnrollmentsPage from "./pages/agents/EnrollmentsPage.vue";
import NotFoundPage from "./pages/NotFoundPage.vue";
import OverviewPage from "./pages/OverviewPage.vue";
import RunPage from "./pages/runs/RunPage.vue";
import RunsPage from "./pages/runs/RunsPage.vue";
import SchedulePage from "./pages/tasks/SchedulePage.vue";
import SchedulesPage from "./pages/tasks/SchedulesPage.vue";
import SignInPage from "./pages/access/SignInPage.vue";
import TaskPage from "./pages/tasks/TaskPage.vue";
import TasksPage from "./pages/tasks/TasksPage.vue";
import TokensPage from "./pages/access/TokensPage.vue";
import { followLink, takeToken } from "./signInLink";
import { useSession } from "./stores/access/session";

declare module "vue-router" {
  interface RouteMeta {
    /** Reachable without a token. */
    isOpen?: boolean;
  }
}

// Not lazily loaded: each file is a call of the control plane, and all pages together are small.
const routes = [
  { path: "/", component: OverviewPage },
  {
    path: "/sign-in",
    component: SignInPage,
    meta: { isOpen: true },
  },
  { path: "/agents", component: AgentsPage },
  { path: "/agents/:id", component: AgentPage, props: true },
  { path: "/enrollments", component: EnrollmentsPage },
  { path: "/tasks", component: TasksPage },
  { path: "/tasks/new", component: TaskPage },
  {
    path: "/tasks/:id",
    component: TaskPage,
    props: true,
  },
  { path: "/schedules", component: SchedulesPage },
  { path: "/schedules/new", redirect: newSchedule },
  {
    path: "/schedules/:id",
    component: SchedulePage,
    props: true,
  },
  { path: "/runs", component: RunsPage },
  {
    path: "/runs/:id",
    component: RunPage,
    props: true,
  },
  // Loaded when it is wanted: who only looks never does.
  { path: "/command", component: () => import("./pages/runs/CommandPage.vue") },
  { path: "/tokens", component: TokensPage },
  // Every component in all its states, for who makes pages; in no menu, and loaded when opened.
  { path: "/gallery", component: () => import("./pages/GalleryPage.vue") },
  {
    path: "/:rest(.*)*",
    component: NotFoundPage,
  },
];

const HOME = "/";

/** The dialog stands on the page of all schedules; `task` in the address is what it is for. */
function newSchedule({ query }: Pick<RouteLocationNormalized, "query">) {
  return { path: "/schedules", query: { ...query, new: "1" } };
}

/** Where somebody was going who has signed in now. */
function wanted(from: RouteLocationNormalized): string {
  const next = from.query.next;
  return typeof next === "string" && next.startsWith("/") ? next : HOME;
}

/** The panel's pages; whoever is not signed in sees the sign-in page, and then where they wanted. */
export function createPanelRouter(): Router {
  const session = useSession();
  // A link that signs in may be opened in a tab that shows the panel: then only the fragment changes.
  // Registered before the router listens, which must not see it.
  window.addEventListener("popstate", (event) => {
    const { fullPath } = router.currentRoute.value;
    const token = takeToken(`#${fullPath}`, router.options.history.state);
    if (token === null) return;
    event.stopImmediatePropagation();
    void followLink(token);
  });
  const router = createRouter({ history: createWebHashHistory(), routes });

  router.beforeEach((to) => {
    if (to.path === "/sign-in" && session.isSignedIn) return wanted(to);
    if (to.meta.isOpen || session.isSignedIn) return true;
    return { path: "/sign-in", query: to.fullPath === HOME ? {} : { next: to.fullPath } };
  });
  watch(
    () => session.isSignedIn,
    (isSignedIn) => {
      const here = router.currentRoute.value;
      if (isSignedIn && here.path === "/sign-in") void router.replace(wanted(here));
      if (isSignedIn || here.meta.isOpen) return;
      // Only who was thrown out comes back to where they were.
      const query = session.reason ? { next: here.fullPath } : {};
      void router.replace({ path: "/sign-in", query });
    },
  );
  return router;
}
