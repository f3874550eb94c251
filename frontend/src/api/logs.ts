import type { Query } from "@/rules/logs/search";
import { call } from "./client";
import type { DownloadName, LogDownload, LogMatches, LogPage, Outputs } from "./types";

/**
 * What of a log follows the cursor, waited for some seconds; empty: from the beginning. Without
 * `attempt` it is the last one's.
 */
export function readLog(
  runId: string,
  jobId: string,
  query: { attempt: number | null; cursor: string; wait: number | null },
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
