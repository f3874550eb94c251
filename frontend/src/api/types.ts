import type { components } from "./schema";

type Schemas = components["schemas"];

export type Agent = Schemas["Agent"];
export type Absence = Schemas["Absence"];
export type AgentChange = Schemas["AgentChange"];
export type AgentDetail = Schemas["AgentDetail"];
export type AgentJobs = Schemas["AgentJobs"];
export type By = Schemas["By"];
export type Command = Schemas["Command"];
export type DeadLetter = Schemas["DeadLetter"];
export type DueTimes = Schemas["DueTimes"];
export type CheckedTask = Schemas["CheckedTask"];
export type Enrollment = Schemas["Enrollment"];
export type EnrollmentDetail = Schemas["EnrollmentDetail"];
export type EnrollmentSecret = Schemas["EnrollmentSecret"];
export type Findings = Schemas["Findings"];
export type Job = Schemas["Job"];
export type LogDownload = Schemas["LogDownload"];
export type LogMatch = Schemas["LogMatch"];
export type LogMatches = Schemas["LogMatches"];
export type LogPage = Schemas["LogPage"];
export type LinesBefore = Schemas["LinesBefore"];
export type LogRecord = Schemas["LogRecord"];
export type Match = Schemas["Match"];
export type MissingLog = Schemas["Missing"];
export type NewEnrollment = Schemas["NewEnrollment"];
export type NewSchedule = Schemas["NewSchedule"];
export type NewToken = Schemas["NewToken"];
export type OpenJob = Schemas["OpenJob"];
export type Outcome = Schemas["Outcome"];
export type OutputGroup = Schemas["OutputGroup"];
export type OutputJob = Schemas["OutputJob"];
export type Outputs = Schemas["Outputs"];
export type Overview = Schemas["Overview"];
export type Param = Schemas["Param"];
export type Plan = Schemas["Plan"];
export type PlannedWave = Schemas["PlannedWave"];
export type Principal = Schemas["Principal"];
export type Progress = Schemas["Progress"];
export type Revision = Schemas["Revision"];
export type Run = Schemas["Run"];
export type RunDetail = Schemas["RunDetail"];
export type RunStep = Schemas["RunStep"];
export type RunWave = Schemas["RunWave"];
export type Schedule = Schemas["Schedule"];
export type ScheduleChange = Schemas["ScheduleChange"];
export type Scope = Schemas["Scope"];
export type Step = Schemas["Step"];
export type Targeting = Schemas["Targeting"];
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
