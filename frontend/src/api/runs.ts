import type { Query } from "@/rules/logs/search";
import { call } from "./client";
import type {
  DownloadName,
  Job,
  LogDownload,
  LogMatches,
  LogPage,
  Outputs,
  Page,
  RetryWhat,
  Run,
  RunDetail,
} from "./types";

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

/** What of a job's log follows the cursor, waited for some seconds; empty: from the beginning. */
export function readLog(
  runId: string,
  jobId: string,
  query: { cursor: string; wait: number | null },
  signal?: AbortSignal,
): Promise<LogPage> {
  return call("GET", `/runs/${runId}/jobs/${jobId}/log`, { query, signal });
}

/** Where a whole log or one stream of it can be fetched, for some minutes. */
export function downloadLog(
  runId: string,
  jobId: string,
  stream: DownloadName,
): Promise<LogDownload> {
  const query = { stream, redirect: "false" };
  return call("GET", `/runs/${runId}/jobs/${jobId}/log/download`, { query });
}

/** A part of the lines of all jobs that match; the next one is at `next`. */
export function searchRun(
  runId: string,
  { text, isRegex, ignoresCase }: Query,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<LogMatches> {
  const flags = { regex: String(isRegex), ignore_case: String(ignoresCase) };
  const query = { pattern: text, ...flags, cursor };
  return call("GET", `/runs/${runId}/search`, { query, signal });
}

/** Which jobs of a step printed the same. */
export function readOutputs(
  runId: string,
  step: number,
  signal?: AbortSignal,
): Promise<Outputs> {
  return call("GET", `/runs/${runId}/outputs`, { query: { step }, signal });
}
