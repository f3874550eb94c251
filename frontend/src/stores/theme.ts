import { defineStore } from "pinia";
import { computed, ref, watchEffect } from "vue";

const KEY = "plumber.theme";
export const THEMES = ["system", "light", "dark"] as const;

export type Theme = (typeof THEMES)[number];

/** Light, dark, or as the system has it; the choice is kept in the browser. */
export const useTheme = defineStore("theme", () => {
  const stored = THEMES.find((choice) => choice === localStorage.getItem(KEY));
  const theme = ref<Theme>(stored ?? "system");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isSystemDark = ref(system.matches);
  system.addEventListener("change", (event) => (isSystemDark.value = event.matches));

  /** Which of the two is shown. */
  const shown = computed(() => {
    if (theme.value !== "system") return theme.value;
    return isSystemDark.value ? "dark" : "light";
  });

  watchEffect(() => (document.documentElement.dataset.theme = shown.value));

  function choose(wanted: Theme): void {
    theme.value = wanted;
    localStorage.setItem(KEY, wanted);
  }

  return { theme, shown, choose };
});
