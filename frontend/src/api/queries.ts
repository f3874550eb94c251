import { notifyManager, QueryClient, type QueryFilters } from "@tanstack/vue-query";
import { Code, hasCode } from "./errors";

/** What has got no answer is asked for again so often; whatever polls does it by itself. */
const TRIES = 2;

/** The cache of what was read, shared by all that is shown; another person's begins empty. */
export function createQueryClient(): QueryClient {
  notifyManager.setScheduler(queueMicrotask); // in the same frame
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The panel may be served by this very machine: whether there is a network says little.
        networkMode: "always",
        retry: (failures, error) => failures < TRIES && hasCode(error, Code.unreachable),
        structuralSharing: true,
      },
      mutations: { networkMode: "always" },
    },
  });
}

/** What one kind of thing is kept under; a change of one makes all below its key be read again. */
export const keys = {
  agents: ["agents"],
  deadLetters: ["deadLetters"],
  agent: (id: string) => ["agents", id],
  enrollments: ["enrollments"],
  found: ["found"],
  latestRuns: ["runs", "latest"],
  overview: ["overview"],
  runs: ["runs"],
  run: (id: string) => ["runs", id],
  schedules: ["schedules"],
  schedule: (id: string) => ["schedules", id],
  tasks: ["tasks"],
  task: (id: string) => ["tasks", id],
  templates: ["templates"],
  tokens: ["tokens"],
} as const;

export type QueryKey = NonNullable<QueryFilters["queryKey"]>;
