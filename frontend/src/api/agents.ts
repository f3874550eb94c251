import { answered, api, asked } from "./client";
import type {
  Agent,
  AgentChange,
  AgentDetail,
  AgentJobs,
  Enrollment,
  EnrollmentDetail,
  EnrollmentSecret,
  Match,
  NewEnrollment,
  Page,
  Run,
  Targeting,
} from "./types";

export interface AgentFilter {
  text?: string;
  status?: string;
  group?: string;
  /** A selector, such as `role=web,env!=test`. */
  label?: string;
}

/** A page of agents by name. A filter may leave it short, or empty, with more to come. */
export function listAgents(
  filter: AgentFilter,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Agent>> {
  const query = asked({ ...filter, limit: 100, cursor });
  return answered(api.GET("/api/v1/agents", { params: { query }, signal }));
}

export function getAgent(id: string, signal?: AbortSignal): Promise<AgentDetail> {
  const params = { path: { agent_id: id } };
  return answered(api.GET("/api/v1/agents/{agent_id}", { params, signal }));
}

/** Its jobs that have not ended, also while it is offline: a hundred at most. */
export function listOpenJobs(id: string, signal?: AbortSignal): Promise<AgentJobs> {
  const params = { path: { agent_id: id } };
  return answered(api.GET("/api/v1/agents/{agent_id}/jobs", { params, signal }));
}

/** The runs that had a job for it, newest first. */
export function listRunsOf(
  id: string,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Run>> {
  const query = asked({ agent: id, limit: 20, cursor });
  return answered(api.GET("/api/v1/runs", { params: { query }, signal }));
}

export function changeAgent(id: string, body: AgentChange): Promise<Agent> {
  const params = { path: { agent_id: id } };
  return answered(api.PATCH("/api/v1/agents/{agent_id}", { params, body }));
}

export function removeAgent(id: string): Promise<null> {
  const params = { path: { agent_id: id } };
  return answered(api.DELETE("/api/v1/agents/{agent_id}", { params }));
}

export function createEnrollment(body: NewEnrollment): Promise<EnrollmentSecret> {
  return answered(api.POST("/api/v1/enrollments", { body }));
}

/** A join token with the agents that joined with it. */
export function getEnrollment(id: string, signal?: AbortSignal): Promise<EnrollmentDetail> {
  const params = { path: { enrollment_id: id } };
  return answered(api.GET("/api/v1/enrollments/{enrollment_id}", { params, signal }));
}

export function listEnrollments(
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Enrollment>> {
  const query = asked({ limit: 100, cursor });
  return answered(api.GET("/api/v1/enrollments", { params: { query }, signal }));
}

export function deleteEnrollment(id: string): Promise<null> {
  const params = { path: { enrollment_id: id } };
  return answered(api.DELETE("/api/v1/enrollments/{enrollment_id}", { params }));
}

/** Whom a step or a command with these targets would run on now; starts nothing. */
export function matchAgents(body: Targeting, signal?: AbortSignal): Promise<Match> {
  return answered(api.POST("/api/v1/agents/match", { body, signal }));
}
