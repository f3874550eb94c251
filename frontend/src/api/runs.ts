import type { RunQuery } from "@/rules/runs/filter";
import { answered, api, asked, bare } from "./client";
import type { Command, Job, Page, RetryWhat, Run, RunDetail } from "./types";

/** The newest 20 runs, or the 100 after the cursor: whoever goes back, goes far. */
export function listRuns(
  filter: RunQuery,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Run>> {
  const query = asked({ limit: cursor === null ? 20 : 100, ...filter, cursor });
  return answered(api.GET("/api/v1/runs", { params: { query }, signal }));
}

/** Up to 100 runs as they are exported, and the cursor of what follows. */
export async function exportRuns(
  filter: RunQuery,
  cursor: string | null,
  signal: AbortSignal,
): Promise<Page<Run>> {
  const query = asked({ limit: 100, ...filter, cursor });
  const call = api.GET("/api/v1/exports/runs", { params: { query }, parseAs: "text", signal });
  const { text, next } = await bare(call);
  const lines = text.split("\n").filter((line) => line !== "");
  return { items: lines.map((line) => JSON.parse(line) as Run), next };
}

export function getRun(id: string, signal?: AbortSignal): Promise<RunDetail> {
  return answered(api.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: id } }, signal }));
}

/** One job, also of those that the run's page has no room for. */
export function getJob(runId: string, jobId: string, signal?: AbortSignal): Promise<Job> {
  const params = { path: { run_id: runId, job_id: jobId } };
  return answered(api.GET("/api/v1/runs/{run_id}/jobs/{job_id}", { params, signal }));
}

/** The first 100 jobs of a step in some states, or the 100 after the cursor. */
export function listJobs(
  runId: string,
  { step, state }: { step: number; state: string },
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Job>> {
  const query = asked({ limit: 100, step: String(step), state, cursor });
  const params = { path: { run_id: runId }, query };
  return answered(api.GET("/api/v1/runs/{run_id}/jobs", { params, signal }));
}

/** The newest 100 runs of a task that have not ended. */
export async function listActiveRuns(taskId: string, signal?: AbortSignal): Promise<Run[]> {
  const query = { limit: 100, task: taskId, state: "queued,running,cancelling" };
  const page: Page<Run> = await answered(api.GET("/api/v1/runs", { params: { query }, signal }));
  return page.items;
}

export function cancelRun(id: string): Promise<Run> {
  return answered(api.POST("/api/v1/runs/{run_id}/cancel", { params: { path: { run_id: id } } }));
}

/**
 * Runs again what a run has frozen, with its secret parameters, which it has no more. The same key
 * answers the same run, as with `executeTask`.
 */
export function retryRun(
  id: string,
  what: RetryWhat,
  secrets: Record<string, string>,
  idempotencyKey: string,
): Promise<Run> {
  const params = { path: { run_id: id }, header: { "Idempotency-Key": idempotencyKey } };
  const body = { what, parameters: secrets };
  return answered(api.POST("/api/v1/runs/{run_id}/retry", { params, body }));
}

/** Runs one command on many agents. The same key answers the same run, as with `executeTask`. */
export function executeCommand(body: Command, idempotencyKey: string): Promise<Run> {
  const params = { header: { "Idempotency-Key": idempotencyKey } };
  return answered(api.POST("/api/v1/commands", { params, body }));
}

export function cancelJob(runId: string, jobId: string): Promise<Job> {
  const params = { path: { run_id: runId, job_id: jobId } };
  return answered(api.POST("/api/v1/runs/{run_id}/jobs/{job_id}/cancel", { params }));
}
