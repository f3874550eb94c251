import { answered, api } from "./client";
import type { DeadLetter, Overview } from "./types";

/** What needs attention; the control plane keeps the answer for some seconds. */
export function getOverview(signal?: AbortSignal): Promise<Overview> {
  return answered(api.GET("/api/v1/stats", { signal }));
}

/** Messages of the work queue that were given up. */
export async function listDeadLetters(signal?: AbortSignal): Promise<DeadLetter[]> {
  const found: { items: DeadLetter[] } = await answered(api.GET("/api/v1/work/dead-letters", { signal }));
  return found.items;
}

/** Sends one back to the work queue. */
export function retryDeadLetter(id: string): Promise<null> {
  const params = { path: { letter_id: id } };
  return answered(api.POST("/api/v1/work/dead-letters/{letter_id}/retry", { params }));
}

/** Deletes one: nobody does what it asked for. */
export function dropDeadLetter(id: string): Promise<null> {
  const params = { path: { letter_id: id } };
  return answered(api.DELETE("/api/v1/work/dead-letters/{letter_id}", { params }));
}
