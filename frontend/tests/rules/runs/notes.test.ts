import { expect, it, vi } from "vitest";
import type { Job } from "@/api/types";
import { noteOf } from "@/rules/runs/notes";
import { at, job } from "./details";

const earlier = [
  { number: 1, state: "failed", exit_code: 7, reason: null, started_at: null, ended_at: null, duration_seconds: null },
] as Job["earlier"];

it.each<[Partial<Job>, string]>([
  [{ state: "succeeded" }, ""],
  [{ state: "lost", reason: "the supervisor died" }, "the supervisor died"],
  [{ state: "cancelled", stopped_by: { kind: "token", id: "t", name: "ann" } }, "cancelled by ann (token)"],
  [{ agent_status: "offline" }, "its agent is offline"],
  [{ agent_status: "online" }, ""],
  [{ earlier }, "attempt 1 failed, exit code 7"],
  [{ not_before: at(30) }, "tried again in 20s"],
])("of a job with %o is said: %s", (what, note) => {
  expect(noteOf(job(0, "queued", [null, null], what), () => Date.parse(at(10)))).toBe(note);
});

it("until when a job is delivered is not said anew each second", () => {
  const now = vi.fn(() => 0);
  const waiting = job(0, "queued", [null, null], { queued_at: at(0), deliver_by: at(3_600) });
  expect(noteOf(waiting, now)).toContain("is delivered until");
  expect(now).not.toHaveBeenCalled();
});
