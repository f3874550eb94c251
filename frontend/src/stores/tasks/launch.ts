import { defineStore } from "pinia";
import { ref, shallowRef } from "vue";
import type { TaskDetail } from "@/api/types";

/** The dialog before a run: asked for parameters, or only for a look at the plan. */
export const useLaunch = defineStore("launch", () => {
  const task = shallowRef<TaskDetail | null>(null);
  const isOpen = ref(false);
  /** The plan is shown at once. */
  const isPlanned = ref(false);
  /** What the fields hold at first, instead of the defaults. */
  const given = shallowRef<Record<string, string>>({});
  let resolve: (values: Record<string, string> | null) => void = () => undefined;

  /** Answers the parameters to run with, or null when the person does not want to. */
  function ask(
    asked: TaskDetail,
    how: { isPlanned?: boolean; values?: Record<string, string> } = {},
  ): Promise<Record<string, string> | null> {
    answer(null);
    isPlanned.value = how.isPlanned ?? false;
    given.value = how.values ?? {};
    task.value = asked;
    isOpen.value = true;
    return new Promise((settle) => {
      resolve = settle;
    });
  }

  function answer(values: Record<string, string> | null): void {
    isOpen.value = false;
    resolve(values);
  }

  return { task, isOpen, isPlanned, given, ask, answer };
});
