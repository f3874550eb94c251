import { defineStore } from "pinia";
import { ref } from "vue";
import { messageOf } from "@/api/errors";

export interface Notice {
  id: number;
  kind: "done" | "failed";
  text: string;
}

const SHOWN_MS = { done: 4_000, failed: 10_000 };

/** Short messages at the edge of the page that go by themselves. */
export const useNotices = defineStore("notices", () => {
  const notices = ref<Notice[]>([]);
  let last = 0;

  function add(kind: Notice["kind"], text: string): void {
    const id = ++last;
    notices.value = [...notices.value.slice(-3), { id, kind, text }];
    setTimeout(() => dismiss(id), SHOWN_MS[kind]);
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id);
  }

  const done = (text: string) => add("done", text);
  const failed = (error: unknown) => add("failed", messageOf(error));

  return { notices, done, failed, dismiss };
});
