import { defineStore } from "pinia";

/** The definition that the next new task begins with, on the way from the page it is copied on. */
export const useTaskCopy = defineStore("taskCopy", () => {
  let definition: string | null = null;

  function give(copied: string): void {
    definition = copied;
  }

  /** Answers it once. */
  function take(): string | null {
    const taken = definition;
    definition = null;
    return taken;
  }

  return { give, take };
});
