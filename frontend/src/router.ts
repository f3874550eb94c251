import { watch } from "vue";
import {
  createRouter,
  createWebHashHistory,
  type RouteLocationNormalized,
  type Router,
} from "vue-router";
import NotFoundPage from "./pages/NotFoundPage.vue";
import OverviewPage from "./pages/OverviewPage.vue";
import RunPage from "./pages/runs/RunPage.vue";
import RunsPage from "./pages/runs/RunsPage.vue";
import SignInPage from "./pages/access/SignInPage.vue";
import { followLink, takeToken } from "./signInLink";
import { t } from "./locales";
import { useSession } from "./stores/access/session";
import { useNotices } from "./stores/notices";

declare module "vue-router" {
  interface RouteMeta {
    /** Reachable without a token. */
    isOpen?: boolean;
  }
}

const loadFurther = () => import("./pages/further");

type FurtherPage = keyof Awaited<ReturnType<typeof loadFurther>>;

const further = (page: FurtherPage) => async () => (await loadFurther())[page];

const routes = [
  { path: "/", component: OverviewPage },
  {
    path: "/sign-in",
    component: SignInPage,
    meta: { isOpen: true },
  },
  { path: "/agents", component: further("AgentsPage") },
  { path: "/agents/:id", component: further("AgentPage"), props: true },
  { path: "/enrollments", component: further("EnrollmentsPage") },
  { path: "/tasks", component: further("TasksPage") },
  { path: "/tasks/new", component: further("TaskPage") },
  {
    path: "/tasks/:id",
    component: further("TaskPage"),
    props: true,
  },
  { path: "/schedules", component: further("SchedulesPage") },
  { path: "/schedules/new", redirect: newSchedule },
  {
    path: "/schedules/:id",
    component: further("SchedulePage"),
    props: true,
  },
  { path: "/runs", component: RunsPage },
  {
    path: "/runs/:id",
    component: RunPage,
    props: true,
  },
  { path: "/command", component: further("CommandPage") },
  { path: "/tokens", component: further("TokensPage") },
  // Every component in all its states, for who makes pages; in no menu, and loaded when opened.
  { path: "/gallery", component: () => import("./pages/GalleryPage.vue") },
  {
    path: "/:rest(.*)*",
    component: NotFoundPage,
  },
];

const HOME = "/";
/** After the first page: when it is likely to be there. */
const SOON_MS = 1_500;

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
  // A file that is gone is one of an older version of the panel, or the connection is lost.
  router.onError(() => useNotices().failed(new Error(t("error.pageNotLoaded"))));
  void router.isReady().then(() => setTimeout(() => void loadFurther().catch(() => undefined), SOON_MS));
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
