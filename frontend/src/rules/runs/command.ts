import { ApiError, Code } from "@/api/errors";
import type { Command, Step, Targeting } from "@/api/types";
import { formatLabels } from "@/rules/labels";

/** How a command is written: one that `sh -c` runs, or a script for an interpreter. */
export const SHELLS = ["sh", "bash", "python3", "pwsh"] as const;
export const TARGETS = ["fitting", "named", "all"] as const;
export type TargetKind = (typeof TARGETS)[number];

/** A command as it stands in the form; empty fields say nothing. */
export interface Draft {
  text: string;
  shell: string;
  kind: TargetKind;
  selector: string;
  group: string;
  /** Ids of agents with their names. */
  agents: { value: string; text: string }[];
  user: string;
  path: string;
  timeout: string;
  deliverWithin: string;
  maxParallel: string;
  maxFailures: string;
  env: string;
}

export function emptyDraft(): Draft {
  return {
    text: "", shell: "sh", kind: "fitting", selector: "", group: "", agents: [], user: "", path: "",
    timeout: "", deliverWithin: "", maxParallel: "", maxFailures: "", env: "",
  }; // prettier-ignore
}

/** Whom it is for; null while nothing is said. */
export function targetingOf(draft: Draft): Targeting | null {
  if (draft.kind === "all") return { all: true };
  if (draft.kind === "named") {
    return draft.agents.length > 0 ? { agent_ids: draft.agents.map((each) => each.value) } : null;
  }
  const selector = draft.selector.trim();
  const group = draft.group.trim();
  if (!selector && !group) return null;
  return { ...(selector && { selector }), ...(group && { group }) };
}

/** What is sent; null while it is not said whom it is for. */
export function commandOf(draft: Draft): Command | null {
  const targeting = targetingOf(draft);
  if (targeting === null) return null;
  const given = {
    user: draft.user, path: draft.path, timeout: draft.timeout, deliver_within: draft.deliverWithin,
    max_parallel: draft.maxParallel, max_failures: draft.maxFailures,
  }; // prettier-ignore
  const filled = Object.entries(given).filter(([, value]) => value.trim() !== "");
  const env = parseEnv(draft.env);
  return {
    ...targeting,
    ...(draft.shell === "sh" ? { command: draft.text } : { script: draft.text, shell: draft.shell }),
    ...Object.fromEntries(filled.map(([key, value]) => [key, value.trim()])),
    ...(Object.keys(env).length > 0 && { env }),
  };
}

/** `NAME=value`, one on each line; what has no `=` is a name that the control plane will object to. */
function parseEnv(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1)];
    }),
  );
}

const DELIVER_WITHIN_SECONDS = 60; // what it is where nothing is said

/** A command that has run as a draft for another one; `nameOf` knows agents by their ids. */
export function draftOf(step: Step, nameOf: (agentId: string) => string): Draft {
  const { targets } = step;
  const seconds = (value: number | null) => (value === null ? "" : `${value}s`);
  return {
    text: step.command ?? step.script ?? "",
    shell: step.script === null ? "sh" : (step.shell ?? "sh"),
    kind: targets.all ? "all" : targets.agent_ids.length > 0 ? "named" : "fitting",
    selector: [formatLabels(targets.labels), targets.selector ?? ""].filter(Boolean).join(", "),
    group: targets.group ?? "",
    agents: targets.agent_ids.map((id) => ({ value: id, text: nameOf(id) })),
    user: step.user ?? "",
    path: step.path ?? "",
    timeout: seconds(step.timeout_seconds),
    deliverWithin:
      step.deliver_within_seconds === DELIVER_WITHIN_SECONDS ? "" : seconds(step.deliver_within_seconds),
    maxParallel: step.max_parallel ?? "",
    maxFailures: step.max_failures ?? "",
    env: Object.entries(step.env)
      .map(([name, value]) => `${name}=${value}`)
      .join("\n"),
  };
}

type Field = Exclude<keyof Draft, "kind">;

/** Fields by the keys of a step, as the control plane objects to them. */
const FIELDS: Readonly<Record<string, Field>> = {
  CMD: "text", Script: "text", Shell: "shell", ServerID: "agents", Targets: "selector", Path: "path",
  User: "user", Env: "env", Timeout: "timeout", DeliverWithin: "deliverWithin",
  MaxParallel: "maxParallel", MaxFailures: "maxFailures", "Targets.Group": "group",
}; // prettier-ignore
const AGENT_NOT_FOUND = 2001;

/** Which field an error is about, and its words; null for one that is of no field. */
export function faultOf(error: unknown): { field: Field; message: string } | null {
  if (!(error instanceof ApiError)) return null;
  if (error.code === AGENT_NOT_FOUND) return { field: "agents", message: error.message };
  const key = error.code === Code.badParameter ? keyOf(error.details) : null;
  if (key === null) return null;
  const field = FIELDS[key] ?? FIELDS[key.split(".")[0] ?? ""];
  if (field === undefined) return null;
  // "step 1 ('command'), Timeout: …": the field says by itself what it is.
  const message = error.message.replace(/^step 1 \('[^']*'\), [\w, ]+: ?/, "");
  return { field, message: message.charAt(0).toUpperCase() + message.slice(1) };
}

function keyOf(details: unknown): string | null {
  if (typeof details !== "object" || details === null || !("key" in details)) return null;
  return typeof details.key === "string" ? details.key.replace(/^step\[1\]\./, "") : null;
}
