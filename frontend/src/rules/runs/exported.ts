import type { Run } from "@/api/types";

/** The columns of a table of runs; named as in the API, so that programs know them. */
const COLUMNS = {
  id: (run: Run) => run.id,
  task_id: (run: Run) => run.task_id,
  task_name: (run: Run) => run.task_name,
  revision: (run: Run) => run.revision,
  state: (run: Run) => run.state,
  reason: (run: Run) => run.reason,
  trigger: (run: Run) => run.trigger,
  triggered_by: (run: Run) => run.triggered_by.name,
  triggered_by_kind: (run: Run) => run.triggered_by.kind,
  retry_of: (run: Run) => run.retry_of,
  tolerated_failures: (run: Run) => run.tolerated_failures,
  created_at: (run: Run) => run.created_at,
  started_at: (run: Run) => run.started_at,
  ended_at: (run: Run) => run.ended_at,
  duration_seconds: (run: Run) => run.duration_seconds,
};

/** Runs as rows, the first of which names the columns. */
export function exportedRows(runs: readonly Run[]): (string | number | null)[][] {
  const cells = Object.values(COLUMNS);
  return [Object.keys(COLUMNS), ...runs.map((run) => cells.map((cell) => cell(run)))];
}
