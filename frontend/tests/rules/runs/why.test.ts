import { expect, it } from "vitest";
import type { Job } from "@/api/types";
import { whyOf } from "@/rules/runs/why";
import { detail, job, step } from "./details";

function why(cause: Job | null, shown: Job | null = cause): string {
  const found = detail([step(cause ? [cause] : [])], 10, { state: "failed", reason: "As the API says." });
  return whyOf({ ...found, cause: cause?.id ?? null }, shown);
}

it.each<[Partial<Job>, string]>([
  [{ state: "failed", exit_code: 3 }, "Step “build” failed on web-0 with exit code 3."],
  [{ state: "failed", reason: "no such user" }, "Step “build” failed on web-0. (no such user)"],
  [{ state: "timed_out" }, "Step “build” ran out of time on web-0."],
  [{ state: "lost" }, "web-0 was lost while it ran step “build”."],
  [{ state: "undelivered" }, "web-0 did not fetch step “build” in time. Is it online?"],
  [{ state: "cancelled" }, "As the API says."],
])("%o is said in a sentence", (what, sentence) => {
  expect(why(job(0, "failed", [0, 1], what))).toBe(sentence);
});

it("what no job is to blame for, or one that is not known, is said as the API says it", () => {
  expect(why(null)).toBe("As the API says.");
  expect(why(job(0, "failed"), null)).toBe("As the API says.");
});
