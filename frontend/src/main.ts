import "./oldBrowsers";
import { VueQueryPlugin } from "@tanstack/vue-query";
import { createPinia } from "pinia";
import { createApp, watch } from "vue";
import { createQueryClient } from "./api/queries";
import App from "./App.vue";
import { preferredLanguage, setLanguage } from "./locales";
import { createPanelRouter } from "./router";
import { followLink, takeToken } from "./signInLink";
import { useSession } from "./stores/access/session";
import { useTheme } from "./stores/theme";
import "./style.css";

async function start(token: string | null): Promise<void> {
  const app = createApp(App);
  const queryClient = createQueryClient();
  app.use(createPinia());
  useTheme(); // before the first paint
  await setLanguage(preferredLanguage()).catch(() => undefined); // else in English
  if (token !== null) await followLink(token);
  const session = useSession();
  // Nothing of one person's is shown to another.
  watch(() => session.token, () => queryClient.clear(), { flush: "sync" });
  app.use(VueQueryPlugin, { queryClient });
  app.use(createPanelRouter());
  app.mount("#app");
}

void start(takeToken()); // before anything else sees the address
