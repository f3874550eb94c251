import { call } from "./client";
import type { Job, LogDownload, LogPage, Page, RetryWhat, Run, RunDetail, StreamName } from "./types";

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

export function cancelRun(id: string): Promise<Run> {
  return call("POST", `/runs/${id}/cancel`);
}

/** Runs again what a run has frozen. */
export function retryRun(id: string, what: RetryWhat): Promise<Run> {
  return call("POST", `/runs/${id}/retry`, { body: { what } });
}

export function cancelJob(runId: string, jobId: string): Promise<Job> {
  return call("POST", `/runs/${runId}/jobs/${jobId}/cancel`);
}

/** What of a job's log follows the cursor; empty: from the beginning. */
export function readLog(
  runId: string,
  jobId: string,
  cursor: string,
  signal?: AbortSignal,
): Promise<LogPage> {
  return call("GET", `/runs/${runId}/jobs/${jobId}/log`, { query: { cursor }, signal });
}

/** Where one whole stream can be fetched, for some minutes. */
export function downloadLog(
  runId: string,
  jobId: string,
  stream: StreamName,
): Promise<LogDownload> {
  const query = { stream, redirect: "false" };
  return call("GET", `/runs/${runId}/jobs/${jobId}/log/download`, { query });
}
