import { defineStore } from "pinia";
import { ref, watchEffect } from "vue";

const KEY = "plumber.theme";
const CHOICES = ["system", "light", "dark"] as const;

export type Theme = (typeof CHOICES)[number];

/** Light, dark, or as the system has it; the choice is kept in the browser. */
export const useTheme = defineStore("theme", () => {
  const stored = CHOICES.find((choice) => choice === localStorage.getItem(KEY));
  const theme = ref<Theme>(stored ?? "system");

  watchEffect(() => {
    localStorage.setItem(KEY, theme.value);
    if (theme.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });

  function next(): void {
    theme.value = CHOICES[(CHOICES.indexOf(theme.value) + 1) % CHOICES.length] ?? "system";
  }

  return { theme, next };
});
