import { call } from "./client";
import type {
  Agent,
  AgentChange,
  Enrollment,
  EnrollmentSecret,
  NewEnrollment,
  Page,
} from "./types";

interface AgentFilter {
  text?: string;
  status?: string;
}

/** A page of agents by name. A filter may leave it short, or empty, with more to come. */
export function listAgents(
  filter: AgentFilter,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Agent>> {
  return call("GET", "/agents", { query: { ...filter, limit: 100, cursor }, signal });
}

export function changeAgent(id: string, change: AgentChange): Promise<Agent> {
  return call("PATCH", `/agents/${id}`, { body: change });
}

export function removeAgent(id: string): Promise<null> {
  return call("DELETE", `/agents/${id}`);
}

export function createEnrollment(enrollment: NewEnrollment): Promise<EnrollmentSecret> {
  return call("POST", "/enrollments", { body: enrollment });
}

export function listEnrollments(
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page<Enrollment>> {
  return call("GET", "/enrollments", { query: { limit: 100, cursor }, signal });
}

export function deleteEnrollment(id: string): Promise<null> {
  return call("DELETE", `/enrollments/${id}`);
}
