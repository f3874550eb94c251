import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { createPanelRouter } from "./router";
import { followLink, takeToken } from "./signInLink";
import { useTheme } from "./stores/theme";
import "./style.css";

async function start(token: string | null): Promise<void> {
  const app = createApp(App);
  app.use(createPinia());
  useTheme(); // before the first paint
  if (token !== null) await followLink(token);
  app.use(createPanelRouter());
  app.mount("#app");
}

void start(takeToken()); // before anything else sees the address
