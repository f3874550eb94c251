import { defineStore } from "pinia";
import { ref } from "vue";

const KEY = "plumber.shortcuts";

/**
 * What is open of the palette and the help, and whether single letters do something: who dictates
 * may turn that off (WCAG 2.1.4), and this browser keeps it.
 */
export const useShortcuts = defineStore("shortcuts", () => {
  const isPaletteOpen = ref(false);
  const isHelpOpen = ref(false);
  const isOn = ref(localStorage.getItem(KEY) !== "off");

  function turn(on: boolean): void {
    isOn.value = on;
    localStorage.setItem(KEY, on ? "on" : "off");
  }

  return { isPaletteOpen, isHelpOpen, isOn, turn };
});
