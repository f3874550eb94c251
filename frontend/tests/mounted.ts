import { VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { afterEach, vi } from "vitest";
import { createApp, type App, type Plugin } from "vue";
import { createQueryClient } from "@/api/queries";

const apps: App[] = [];

/** A composable in a component of its own, with the function that takes the component away. */
export function mounted<T>(use: () => T, ...plugins: Plugin[]): T & { unmount: () => void } {
  let used!: T;
  const app = createApp({
    setup() {
      used = use();
      return () => null;
    },
  });
  app.use(createPinia());
  app.use(VueQueryPlugin, { queryClient: createQueryClient() });
  for (const plugin of plugins) app.use(plugin);
  app.mount(document.createElement("div"));
  apps.push(app);
  return { ...used, unmount: () => unmount(app) };
}

function unmount(app: App): void {
  if (apps.includes(app)) apps.splice(apps.indexOf(app), 1)[0]?.unmount();
}

/** Puts the tab into the background, or brings it back. */
export function hide(isHidden: boolean): void {
  vi.spyOn(document, "hidden", "get").mockReturnValue(isHidden);
  const state = isHidden ? "hidden" : "visible";
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}

afterEach(() => {
  [...apps].forEach(unmount);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});
