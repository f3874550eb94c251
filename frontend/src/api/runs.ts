import { call } from "./client";
import type { Job, Page, RetryWhat, Run, RunDetail } from "./types";

/** The newest 20 runs, or the 20 after the cursor. */
export function listRuns(
  filter: { state: string },
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Run>> {
  const state = filter.state === "" ? null : filter.state;
  return call("GET", "/runs", { query: { limit: 20, state, cursor }, signal });
}

export function getRun(id: string, signal?: AbortSignal): Promise<RunDetail> {
  return call("GET", `/runs/${id}`, { signal });
}

/** One job, also of those that the run's page has no room for. */
export function getJob(runId: string, jobId: string, signal?: AbortSignal): Promise<Job> {
  return call("GET", `/runs/${runId}/jobs/${jobId}`, { signal });
}

/** The first 50 jobs of a step, or the 50 after the cursor. */
export function listJobs(
  runId: string,
  filter: { step: number; state: string },
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Job>> {
  return call("GET", `/runs/${runId}/jobs`, { query: { limit: 50, ...filter, cursor }, signal });
}

export function cancelRun(id: string): Promise<Run> {
  return call("POST", `/runs/${id}/cancel`);
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
  const headers = { "Idempotency-Key": idempotencyKey };
  return call("POST", `/runs/${id}/retry`, { headers, body: { what, parameters: secrets } });
}

export function cancelJob(runId: string, jobId: string): Promise<Job> {
  return call("POST", `/runs/${runId}/jobs/${jobId}/cancel`);
}
