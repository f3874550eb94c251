import { expect, it } from "vitest";
import type { Param } from "@/api/types";
import { firstValues } from "@/rules/tasks/params";

const param = (name: string, more: Partial<Param> = {}): Param => ({
  name, type: "string", description: "", default: null, required: true, pattern: null, choices: [], secret: false, ...more,
});

it("fields of parameters begin with what was given before, where the task still takes it", () => {
  const params = [
    param("version", { default: "1.0" }),
    param("stage", { choices: ["test", "prod"], default: "test" }),
    param("old", { choices: ["a", "b"], default: "a" }),
    param("password", { secret: true }),
    param("new", { default: "n" }),
  ];
  const given = { version: "", stage: "prod", old: "c", password: "***", gone: "x" };
  expect(firstValues(params, given)).toEqual({ version: "", stage: "prod", old: "a", password: "", new: "n" });
  expect(firstValues(params, {}).version).toBe("1.0");
});
