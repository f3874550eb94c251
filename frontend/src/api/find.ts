import { answered, api, asked } from "./client";
import type { Agent, Task } from "./types";

export interface Found {
  tasks: Task[];
  agents: Agent[];
}

const SHOWN = 6;

/** The first tasks and agents that have the text in their name; two calls. */
export async function findByName(text: string, signal: AbortSignal): Promise<Found> {
  const [tasks, agents] = await Promise.all([
    answered<{ items: Task[] }>(
      api.GET("/api/v1/tasks", { params: { query: asked({ q: text, limit: SHOWN }) }, signal }),
    ),
    answered<{ items: Agent[] }>(
      api.GET("/api/v1/agents", { params: { query: asked({ text, limit: SHOWN }) }, signal }),
    ),
  ]);
  return { tasks: tasks.items, agents: agents.items };
}
