import { expect, it } from "vitest";
import { formatScope, parseGroups } from "@/rules/access/scope";
import { formatBy } from "@/rules/by";

it("tells a scope in words", () => {
  const scope = { tasks: ["T", "U"], labels: { env: "prod" }, groups: ["web", "db"] };
  const names = new Map([["T", "deploy"]]);
  expect(formatScope(scope, names)).toBe("task deploy, task U, env=prod, group web, group db");
  expect(formatScope({ tasks: [], labels: {}, groups: [] }, names)).toBe("");
});

it("reads groups with commas between them, each once", () => {
  expect(parseGroups(" a, b,,a ,")).toEqual(["a", "b"]);
  expect(parseGroups("")).toEqual([]);
});

it.each([
  ["token", "ci", "ci (token)"],
  ["agent", "web-1", "web-1 (agent)"],
  ["schedule", "@daily", "schedule @daily"],
  ["system", "installation", "installation"],
] as const)("tells who did it, a %s, in words", (kind, name, text) => {
  expect(formatBy({ kind, id: "1", name })).toBe(text);
});
