import { useQuery } from "@tanstack/vue-query";
import { computed, type Ref } from "vue";
import { keys } from "@/api/queries";
import { listTasks } from "@/api/tasks";
import type { Task } from "@/api/types";

const PAGES = 10;
const STALE_MS = 30_000;

/** The tasks by name, up to a thousand, once somebody is to choose one. */
export function useTaskChoices(isWanted: Readonly<Ref<boolean>>) {
  const { data } = useQuery({
    queryKey: [...keys.tasks, "choices"],
    queryFn: async ({ signal }) => {
      const found: Task[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < PAGES && (page === 0 || cursor !== null); page++) {
        const read: { items: Task[]; next: string | null } = await listTasks(cursor, signal);
        found.push(...read.items);
        cursor = read.next;
      }
      return found;
    },
    enabled: isWanted,
    staleTime: STALE_MS,
  });
  return computed(() => data.value ?? []);
}
