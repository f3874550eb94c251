import { watchEffect } from "vue";

/** What the tab is called while this page is shown. */
export function usePageTitle(title: () => string): void {
  watchEffect(() => (document.title = `${title()} · Plumber`));
}
