import { defineStore } from "pinia";
import { ref } from "vue";
import { messageOf } from "@/api/errors";

export interface Notice {
  id: number;
  kind: "done" | "failed";
  text: string;
  /** Takes back what was done. */
  undo?: () => unknown;
}

const SHOWN_MS = { done: 4_000, failed: 10_000 };
/** Long enough to see that it was a mistake. */
const UNDO_MS = 10_000;

/** Short messages at the edge of the page that go by themselves. */
export const useNotices = defineStore("notices", () => {
  const notices = ref<Notice[]>([]);
  let last = 0;

  function add(kind: Notice["kind"], text: string, undo?: Notice["undo"]): void {
    const id = ++last;
    notices.value = [...notices.value.slice(-3), { id, kind, text, undo }];
    setTimeout(() => dismiss(id), undo ? UNDO_MS : SHOWN_MS[kind]);
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id);
  }

  const done = (text: string, undo?: Notice["undo"]) => add("done", text, undo);
  const failed = (error: unknown) => add("failed", messageOf(error));

  return { notices, done, failed, dismiss };
});
