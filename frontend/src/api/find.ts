import { answered, api, asked } from "./client";
import type { Agent, Task, TaskDetail } from "./types";

export interface Found {
  tasks: Task[];
  agents: Agent[];
}

const SHOWN = 6;
const LISTED = 20;

export interface Named {
  value: string;
  text: string;
}

/** The first tasks that have the text in their name. */
export async function findTasks(text: string, signal: AbortSignal): Promise<Named[]> {
  const query = asked({ q: text, limit: LISTED });
  const found = await answered<{ items: Task[] }>(api.GET("/api/v1/tasks", { params: { query }, signal }));
  return found.items.map(({ id, name }) => ({ value: id, text: name }));
}

/** The first agents that have the text in their name, host name, address or id. */
export async function findAgents(text: string, signal: AbortSignal): Promise<Named[]> {
  const query = asked({ text, limit: LISTED });
  const found = await answered<{ items: Agent[] }>(api.GET("/api/v1/agents", { params: { query }, signal }));
  return found.items.map(({ id, name }) => ({ value: id, text: name }));
}

/** What a task is called; raises where there is none. */
export async function nameOfTask(id: string, signal: AbortSignal): Promise<string> {
  const path = { task_id: id };
  const found = await answered<TaskDetail>(api.GET("/api/v1/tasks/{task_id}", { params: { path }, signal }));
  return found.task.name;
}

/** What an agent is called; raises where there is none. */
export async function nameOfAgent(id: string, signal: AbortSignal): Promise<string> {
  const path = { agent_id: id };
  const found = await answered<Agent>(api.GET("/api/v1/agents/{agent_id}", { params: { path }, signal }));
  return found.name;
}

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
