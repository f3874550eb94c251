import { expect, it } from "vitest";
import { targetsOf } from "@/rules/runs/steps";

const NOBODY = { agent_ids: [], all: false, labels: {}, group: null, selector: null, allow_empty: false };

it.each([
  [{ agent_ids: ["a", "b"] }, ""],
  [{ all: true }, "all agents"],
  [{ labels: { role: "web", zone: "a" } }, "role=web, zone=a"],
  [{ labels: { role: "web" }, group: "prod", selector: "!canary" }, "role=web, group prod, !canary"],
])("whom a step was for: %o", (given, text) => {
  expect(targetsOf({ ...NOBODY, ...given })).toBe(text);
});
