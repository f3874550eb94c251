import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { createPanelRouter } from "./router";
import { useTheme } from "./stores/theme";
import "./style.css";

const app = createApp(App);
app.use(createPinia());
useTheme(); // before the first paint
app.use(createPanelRouter());
app.mount("#app");
