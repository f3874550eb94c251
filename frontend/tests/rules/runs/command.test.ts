import { expect, test } from "vitest";
import { ApiError, Code } from "@/api/errors";
import type { Step } from "@/api/types";
import { commandOf, draftOf, emptyDraft, faultOf, targetingOf } from "@/rules/runs/command";

test("what is not filled in is not sent", () => {
  const draft = { ...emptyDraft(), text: "uptime", kind: "all" as const };
  expect(commandOf(draft)).toEqual({ all: true, command: "uptime" });
  expect(commandOf({ ...draft, shell: "bash", timeout: " 5m ", env: "A=1\n\nB=x=y" })).toEqual({
    all: true,
    script: "uptime",
    shell: "bash",
    timeout: "5m",
    env: { A: "1", B: "x=y" },
  });
});

test("nothing is sent before it is said whom it is for", () => {
  const draft = { ...emptyDraft(), text: "uptime" };
  expect([commandOf(draft), commandOf({ ...draft, kind: "named" })]).toEqual([null, null]);
  expect(targetingOf({ ...draft, selector: " role=web ", group: "" })).toEqual({ selector: "role=web" });
  expect(targetingOf({ ...draft, group: "prod" })).toEqual({ group: "prod" });
  const agents = [{ value: "id", text: "web-1" }];
  expect(targetingOf({ ...draft, kind: "named", agents, selector: "x" })).toEqual({ agent_ids: ["id"] });
});

const STEP: Step = {
  number: 1,
  name: "command",
  targets: { agent_ids: [], labels: { role: "web" }, group: "prod", selector: "!canary", all: false, allow_empty: false },
  path: null, command: null, script: "print(1)", shell: "python3", user: "app", env: { A: "1" },
  timeout_seconds: 90, deliver_within_seconds: 60, lost_after_seconds: 300, canary: null,
  max_parallel: "25%", max_failures: null, retries: 0, retry_delay_seconds: 0, retry_backoff: 1,
  retry_on: [], when: "success", mask: [],
}; // prettier-ignore

test("a command that has run is a draft that sends the same", () => {
  const draft = draftOf(STEP, (id) => id);
  expect(commandOf(draft)).toEqual({
    selector: "role=web, !canary",
    group: "prod",
    script: "print(1)",
    shell: "python3",
    user: "app",
    timeout: "90s",
    max_parallel: "25%",
    env: { A: "1" },
  });
  const named = { ...STEP, targets: { ...STEP.targets, labels: {}, group: null, selector: null, agent_ids: ["a"] } };
  expect(draftOf(named, () => "web-1").agents).toEqual([{ value: "a", text: "web-1" }]);
});

test("what the control plane objects to stands at its field, without the step's name", () => {
  const refused = (message: string, key: string) => new ApiError(Code.badParameter, message, { key });
  expect(faultOf(refused("step 1 ('command'), Timeout: 'soon' is no duration.", "step[1].Timeout"))).toEqual({
    field: "timeout",
    message: "'soon' is no duration.",
  });
  expect(faultOf(refused("step 1 ('match'), Targets, Selector: 'x=(' is not understood.", "step[1].Targets.Selector"))).toEqual({
    field: "selector",
    message: "'x=(' is not understood.",
  });
  expect(faultOf(refused("step 1 ('command'), Env: 1a: is no name of a variable.", "step[1].Env.1a"))).toEqual({
    field: "env",
    message: "1a: is no name of a variable.",
  });
  expect(faultOf(refused("step 1 ('command'), CMD: is empty.", "step[1].CMD"))?.message).toBe("Is empty.");
  expect(faultOf(new ApiError(2001, "There is no agent 'x'."))?.field).toBe("agents");
  expect(faultOf(new ApiError(Code.conflict, "no"))).toBeNull();
  expect(faultOf(new Error("x"))).toBeNull();
});
