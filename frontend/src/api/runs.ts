import { call } from "./client";
import type { LogDownload, LogPage, Page, Run, RunDetail, StreamName } from "./types";

/** The newest 20 runs, or the 20 after the cursor. */
export function listRuns(cursor: string | null, signal?: AbortSignal): Promise<Page<Run>> {
  return call("GET", "/runs", { query: { limit: 20, cursor }, signal });
}

export function getRun(id: string, signal?: AbortSignal): Promise<RunDetail> {
  return call("GET", `/runs/${id}`, { signal });
}

export function cancelRun(id: string): Promise<Run> {
  return call("POST", `/runs/${id}/cancel`);
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
