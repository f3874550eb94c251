import { answered, api, asked } from "./client";
import type { Agent, Run, Task } from "./types";

export interface Found {
  tasks: Task[];
  agents: Agent[];
  runs: Run[];
}

const SHOWN = 6;
/** Runs are told apart by their names here, so more of them are read: a list is one call of the store. */
const RECENT_RUNS = 20;

/** The first tasks and agents that have the text in their name, and the latest runs; three calls. */
export async function findAll(text: string, signal: AbortSignal): Promise<Found> {
  const [tasks, agents, runs] = await Promise.all([
    answered<{ items: Task[] }>(
      api.GET("/api/v1/tasks", { params: { query: asked({ q: text, limit: SHOWN }) }, signal }),
    ),
    answered<{ items: Agent[] }>(
      api.GET("/api/v1/agents", { params: { query: asked({ text, limit: SHOWN }) }, signal }),
    ),
    answered<{ items: Run[] }>(
      api.GET("/api/v1/runs", { params: { query: { limit: RECENT_RUNS } }, signal }),
    ),
  ]);
  return { tasks: tasks.items, agents: agents.items, runs: runs.items };
}
