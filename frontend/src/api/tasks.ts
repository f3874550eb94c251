import { answered, api, asked } from "./client";
import type { components } from "./schema";
import type { Agent, Findings, Page, Plan, Revision, Run, Task, TaskDetail, Template } from "./types";

const of = (id: string) => ({ path: { task_id: id } });

export function listTasks(cursor: string | null, signal?: AbortSignal): Promise<Page<Task>> {
  const query = asked({ limit: 100, cursor });
  return answered(api.GET("/api/v1/tasks", { params: { query }, signal }));
}

/** So many of each task's newest runs a list shows. */
const OUTCOMES = 10;

/** A page of the tasks with a text in their names, with what came of their newest runs. */
export function searchTasks(
  text: string,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Task>> {
  const query = asked({ q: text, outcomes: String(OUTCOMES), limit: 20, cursor });
  return answered(api.GET("/api/v1/tasks", { params: { query }, signal }));
}

export function getTask(id: string, signal?: AbortSignal): Promise<TaskDetail> {
  return answered(api.GET("/api/v1/tasks/{task_id}", { params: of(id), signal }));
}

export function createTask(definition: string): Promise<TaskDetail> {
  return answered(api.POST("/api/v1/tasks", { body: { definition } }));
}

/** Saves the next revision; raises a conflict when `revision` is no longer the current one. */
export function replaceTask(id: string, definition: string, revision: number): Promise<TaskDetail> {
  const body = { definition, revision };
  return answered(api.PUT("/api/v1/tasks/{task_id}", { params: of(id), body }));
}

/** What is wrong with a definition, or else what it says. Saves nothing. */
export function checkTask(definition: string, signal?: AbortSignal): Promise<Findings> {
  return answered(api.POST("/api/v1/tasks/findings", { body: { definition }, signal }));
}

export function deleteTask(id: string): Promise<null> {
  return answered(api.DELETE("/api/v1/tasks/{task_id}", { params: of(id) }));
}

export function listRevisions(
  id: string,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Revision>> {
  const params = { ...of(id), query: asked({ limit: 20, cursor }) };
  return answered(api.GET("/api/v1/tasks/{task_id}/revisions", { params, signal }));
}

/** Triggers a run. The same key answers the same run, so an answer that got lost starts no second. */
export function executeTask(
  id: string,
  parameters: Record<string, string>,
  idempotencyKey: string,
): Promise<Run> {
  const params = { ...of(id), header: { "Idempotency-Key": idempotencyKey } };
  return answered(api.POST("/api/v1/tasks/{task_id}/execute", { params, body: { parameters } }));
}

/** What a run would do now. Starts nothing. */
export function planTask(id: string, parameters: Record<string, string>): Promise<Plan> {
  const body = { parameters };
  return answered(api.POST("/api/v1/tasks/{task_id}/plan", { params: of(id), body }));
}

/** All own tasks that are marked as templates, then the library's. */
export async function listTemplates(signal?: AbortSignal): Promise<Template[]> {
  const found: Template[] = [];
  let cursor: string | null = null;
  do {
    const query = asked({ limit: 100, cursor });
    const page: Page<Template> = await answered(
      api.GET("/api/v1/templates", { params: { query }, signal }),
    );
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

export function listExecutions(
  id: string,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Run>> {
  const params = { ...of(id), query: asked({ limit: 10, cursor }) };
  return answered(api.GET("/api/v1/tasks/{task_id}/executions", { params, signal }));
}

export type TaskSchedule = components["schemas"]["Schedule"];

/** When a task is triggered by itself. */
export function listSchedulesOf(
  id: string,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<TaskSchedule>> {
  const query = asked({ task: id, limit: 20, cursor });
  return answered(api.GET("/api/v1/schedules", { params: { query }, signal }));
}

/** How a definition calls an agent: by its name where no other one bears it, else by its id. */
export async function callOf({ id, name }: Pick<Agent, "id" | "name">): Promise<string> {
  const query = { name, limit: 100 };
  const bearers: Page<Agent> = await answered(api.GET("/api/v1/agents", { params: { query } }));
  return bearers.items.length === 1 && bearers.next === null ? name : id;
}
