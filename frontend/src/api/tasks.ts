import { call } from "./client";
import type { Page, Plan, Revision, Run, Task, TaskDetail, Template } from "./types";

export function listTasks(cursor: string | null, signal?: AbortSignal): Promise<Page<Task>> {
  return call("GET", "/tasks", { query: { limit: 100, cursor }, signal });
}

export function getTask(id: string, signal?: AbortSignal): Promise<TaskDetail> {
  return call("GET", `/tasks/${id}`, { signal });
}

export function createTask(definition: string): Promise<TaskDetail> {
  return call("POST", "/tasks", { body: { definition } });
}

/** Saves the next revision; raises a conflict when `revision` is no longer the current one. */
export function replaceTask(id: string, definition: string, revision: number): Promise<TaskDetail> {
  return call("PUT", `/tasks/${id}`, { body: { definition, revision } });
}

export function deleteTask(id: string): Promise<null> {
  return call("DELETE", `/tasks/${id}`);
}

export function listRevisions(
  id: string,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Revision>> {
  return call("GET", `/tasks/${id}/revisions`, { query: { limit: 20, cursor }, signal });
}

/** Triggers a run. The same key answers the same run, so an answer that got lost starts no second. */
export function executeTask(
  id: string,
  parameters: Record<string, string>,
  idempotencyKey: string,
): Promise<Run> {
  const headers = { "Idempotency-Key": idempotencyKey };
  return call("POST", `/tasks/${id}/execute`, { headers, body: { parameters } });
}

/** What a run would do now. Starts nothing. */
export function planTask(id: string, parameters: Record<string, string>): Promise<Plan> {
  return call("POST", `/tasks/${id}/plan`, { body: { parameters } });
}

/** All own tasks that are marked as templates, then the library's. */
export async function listTemplates(): Promise<Template[]> {
  const found: Template[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Template> = await call("GET", "/templates", { query: { limit: 100, cursor } });
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
  return call("GET", `/tasks/${id}/executions`, { query: { limit: 10, cursor }, signal });
}
