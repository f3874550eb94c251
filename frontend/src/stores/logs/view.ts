import { defineStore } from "pinia";
import { ref, watch } from "vue";

const STORED = "plumber.log.wraps";

/** How logs are shown: the same for the next one that is looked at. Wrapping is kept in this browser. */
export const useLogView = defineStore("logView", () => {
  const hasTimes = ref(false);
  const isWrapped = ref(localStorage.getItem(STORED) !== "false");
  watch(isWrapped, (wraps) => localStorage.setItem(STORED, String(wraps)));
  return { hasTimes, isWrapped };
});
