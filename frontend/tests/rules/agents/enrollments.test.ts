import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import type { Enrollment, EnrollmentSecret } from "@/api/types";
import { agentJsonOf, commandOf, stateOf } from "@/rules/agents/enrollments";

const NOW = Date.parse("2026-01-02T03:04:05Z");
const token = (uses: number, expires_at: string) => ({ uses, max_uses: 2, expires_at }) as Enrollment;

it("is open, used up or expired", () => {
  expect(stateOf(token(1, "2026-01-02T03:04:06Z"), NOW)).toBe("open");
  expect(stateOf(token(1, "2026-01-02T03:04:05Z"), NOW)).toBe("expired");
  expect(stateOf(token(2, "2026-01-02T03:04:05Z"), NOW)).toBe("used");
});

it("writes the file as it is, whatever is in it, for its user alone", () => {
  const made = { agent_json: { join_token: "plj_1", server_addr: "https://a/b" } } as unknown as EnrollmentSecret;
  expect(agentJsonOf(made, "")).toEqual(made.agent_json);
  const hostile = agentJsonOf(made, "it's $(touch x) `y` \\n \"z\" %s");
  const line = commandOf(hostile);
  expect(line).not.toContain("\n");
  // Only what writes the file is run, in a shell of its own.
  const written = line.replace(/ > agent\.json\) && .*$/, ")");
  expect(JSON.parse(execFileSync("sh", ["-c", written], { encoding: "utf-8" }))).toEqual(hostile);
  expect(line.startsWith("(umask 077; ")).toBe(true);
});
