import { watch } from "vue";
import { createRouter, createWebHashHistory, type Router } from "vue-router";
import AgentsPage from "./pages/AgentsPage.vue";
import NotFoundPage from "./pages/NotFoundPage.vue";
import RunPage from "./pages/RunPage.vue";
import RunsPage from "./pages/RunsPage.vue";
import SignInPage from "./pages/SignInPage.vue";
import TaskPage from "./pages/TaskPage.vue";
import TasksPage from "./pages/TasksPage.vue";
import TokensPage from "./pages/TokensPage.vue";
import { useSession } from "./stores/session";

declare module "vue-router" {
  interface RouteMeta {
    title?: string;
    /** Reachable without a token. */
    isOpen?: boolean;
  }
}

// Not lazily loaded: each file is a call of the control plane, and all pages together are small.
const routes = [
  { path: "/", redirect: "/runs" },
  {
    path: "/sign-in",
    component: SignInPage,
    meta: { title: "Sign in", isOpen: true },
  },
  { path: "/agents", component: AgentsPage, meta: { title: "Agents" } },
  { path: "/tasks", component: TasksPage, meta: { title: "Tasks" } },
  { path: "/tasks/new", component: TaskPage, meta: { title: "New task" } },
  {
    path: "/tasks/:id",
    component: TaskPage,
    props: true,
    meta: { title: "Task" },
  },
  { path: "/runs", component: RunsPage, meta: { title: "Runs" } },
  {
    path: "/runs/:id",
    component: RunPage,
    props: true,
    meta: { title: "Run" },
  },
  { path: "/tokens", component: TokensPage, meta: { title: "Tokens" } },
  {
    path: "/:rest(.*)*",
    component: NotFoundPage,
    meta: { title: "Not found" },
  },
];

/** The panel's pages; whoever is not signed in sees the sign-in page, and then where they wanted. */
export function createPanelRouter(): Router {
  const session = useSession();
  const router = createRouter({ history: createWebHashHistory(), routes });

  router.beforeEach((to) => {
    if (to.meta.isOpen || session.isSignedIn) return true;
    return { path: "/sign-in", query: to.fullPath === "/runs" ? {} : { next: to.fullPath } };
  });
  router.afterEach((to) => {
    document.title = to.meta.title ? `${to.meta.title} · Plumber` : "Plumber";
  });
  watch(
    () => session.isSignedIn,
    (isSignedIn) => {
      const here = router.currentRoute.value;
      if (isSignedIn || here.meta.isOpen) return;
      // Only who was thrown out comes back to where they were.
      const query = session.reason ? { next: here.fullPath } : {};
      void router.replace({ path: "/sign-in", query });
    },
  );
  return router;
}
