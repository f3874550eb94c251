import type { Query } from "@/rules/logs/search";
import { answered, api, asked } from "./client";
import type { DownloadName, LogDownload, LogMatches, LogPage, Outputs } from "./types";

interface LogPlace {
  attempt: number | null;
  cursor?: string;
  line?: number;
  wait: number | null;
}

/**
 * What of a log follows the cursor, waited for some seconds, or begins where a line does, or before;
 * without both from the beginning. Without `attempt` it is the last one's.
 */
export function readLog(
  runId: string,
  jobId: string,
  { attempt, cursor, line, wait }: LogPlace,
  signal?: AbortSignal,
): Promise<LogPage> {
  const path = { run_id: runId, job_id: jobId };
  const text = (value: number | null | undefined) => (value ? String(value) : null);
  const query = asked({ attempt: text(attempt), cursor, line: text(line), wait: text(wait) });
  const params = { path, query: query as Record<string, string> };
  return answered(api.GET("/api/v1/runs/{run_id}/jobs/{job_id}/log", { params, signal }));
}

/** The last lines of a job's output, as far as they are there. */
export function readLogTail(
  runId: string,
  jobId: string,
  lines: number,
  signal?: AbortSignal,
): Promise<LogPage> {
  const params = { path: { run_id: runId, job_id: jobId }, query: { tail: String(lines) } };
  return answered(api.GET("/api/v1/runs/{run_id}/jobs/{job_id}/log", { params, signal }));
}

/** Where a whole log or one stream of it can be fetched, for some minutes. */
export function downloadLog(
  runId: string,
  jobId: string,
  attempt: number,
  stream: DownloadName,
): Promise<LogDownload> {
  const query = { stream, attempt: String(attempt), redirect: "false" };
  const params = { path: { run_id: runId, job_id: jobId }, query };
  return answered(api.GET("/api/v1/runs/{run_id}/jobs/{job_id}/log/download", { params }));
}

/** A part of the lines of all jobs that match; the next one is at `next`. */
export function searchRun(
  runId: string,
  { text, isRegex, ignoresCase }: Query,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<LogMatches> {
  const flags = { regex: String(isRegex), ignore_case: String(ignoresCase) };
  const query = { ...flags, ...asked({ cursor }), pattern: text };
  const params = { path: { run_id: runId }, query };
  return answered(api.GET("/api/v1/runs/{run_id}/search", { params, signal }));
}

/** Which jobs of a step printed the same. */
export function readOutputs(runId: string, step: number, signal?: AbortSignal): Promise<Outputs> {
  const params = { path: { run_id: runId }, query: { step: String(step) } };
  return answered(api.GET("/api/v1/runs/{run_id}/outputs", { params, signal }));
}
