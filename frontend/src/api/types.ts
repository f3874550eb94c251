import type { components } from "./schema";

type Schemas = components["schemas"];

export type Agent = Schemas["Agent"];
export type AgentChange = Schemas["AgentChange"];
export type By = Schemas["By"];
export type CheckedTask = Schemas["CheckedTask"];
export type Enrollment = Schemas["Enrollment"];
export type EnrollmentSecret = Schemas["EnrollmentSecret"];
export type Findings = Schemas["Findings"];
export type Job = Schemas["Job"];
export type LogDownload = Schemas["LogDownload"];
export type LogMatch = Schemas["LogMatch"];
export type LogMatches = Schemas["LogMatches"];
export type LogPage = Schemas["LogPage"];
export type LogRecord = Schemas["LogRecord"];
export type MissingLog = Schemas["Missing"];
export type NewEnrollment = Schemas["NewEnrollment"];
export type NewToken = Schemas["NewToken"];
export type Outcome = Schemas["Outcome"];
export type OutputGroup = Schemas["OutputGroup"];
export type OutputJob = Schemas["OutputJob"];
export type Outputs = Schemas["Outputs"];
export type Param = Schemas["Param"];
export type Plan = Schemas["Plan"];
export type PlannedWave = Schemas["PlannedWave"];
export type Principal = Schemas["Principal"];
export type Progress = Schemas["Progress"];
export type Revision = Schemas["Revision"];
export type Run = Schemas["Run"];
export type RunDetail = Schemas["RunDetail"];
export type RunStep = Schemas["RunStep"];
export type Scope = Schemas["Scope"];
export type Step = Schemas["Step"];
export type Task = Schemas["Task"];
export type TaskDetail = Schemas["TaskDetail"];
export type TaskWarning = Schemas["Warning"];
export type TaskSource = Schemas["TaskSource"];
export type Template = Schemas["Template"];
export type Token = Schemas["Token"];
export type TokenSecret = Schemas["TokenSecret"];
export type TomlFault = Schemas["TomlError"];

export type AgentStatus = Agent["status"];
export type JobState = Job["state"];
export type RunState = Run["state"];
export type StepState = RunStep["state"];
/** Whose words a line of a log is: the command's, or the agent's own mark. */
export type LineStream = LogRecord["stream"];
export type StreamName = Exclude<LineStream, "plumber">;
/** What can be downloaded of a log. */
export type DownloadName = StreamName | "all";
export type RetryWhat = Schemas["RetryRequest"]["what"] & string;
export type Role = NewToken["role"];

/** A page of a list; `next` is the cursor of the next one. */
export interface Page<T> {
  items: T[];
  next: string | null;
}
