import { answered, api, asked } from "./client";
import type {
  Agent,
  AgentChange,
  Enrollment,
  EnrollmentSecret,
  NewEnrollment,
  Page,
} from "./types";

export interface AgentFilter {
  text?: string;
  status?: string;
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
