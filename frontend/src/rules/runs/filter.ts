import type { RunState } from "@/api/types";
import { RUN_STATES } from "@/rules/states";

export const TRIGGERS = ["person", "schedule", "retry", "command"] as const;
export type TriggerName = (typeof TRIGGERS)[number];

/** Presets of how far back, and how long they are. */
export const SPANS = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000 } as const;
export type Span = keyof typeof SPANS;

/** What runs are looked for; empty and null do not matter. A preset stands instead of from and to. */
export interface RunFilter {
  text: string;
  states: RunState[];
  task: string | null;
  agent: string | null;
  trigger: TriggerName | null;
  by: string | null;
  since: Span | null;
  from: string | null;
  to: string | null;
}

/** A filter as the API is asked for it. */
export interface RunQuery {
  state?: string;
  task?: string;
  agent?: string;
  trigger?: string;
  by?: string;
  q?: string;
  from?: string;
  to?: string;
}

type Given = string | null | undefined;
type Address = Record<string, Given | Given[]>;

/** What the address says; what it says wrongly does not count. */
export function readFilter(address: Address): RunFilter {
  const word = (name: string) => {
    const value = address[name];
    return (Array.isArray(value) ? value[0] : value) || null;
  };
  const one = <T extends string>(name: string, known: readonly T[]) =>
    known.find((each) => each === word(name)) ?? null;
  const asked = word("state")?.split(",") ?? [];
  const since = one("since", Object.keys(SPANS) as Span[]);
  return {
    text: word("q") ?? "",
    states: RUN_STATES.filter((state) => asked.includes(state)),
    task: word("task"),
    agent: word("agent"),
    trigger: one("trigger", TRIGGERS),
    by: word("by"),
    since,
    from: since ? null : instant(word("from")),
    to: since ? null : instant(word("to")),
  };
}

/** The way back: only what matters is in the address. */
export function writeFilter(filter: RunFilter): Record<string, string> {
  const { text, states, ...others } = filter;
  const all = { q: text, state: states.join(","), ...others };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value)) as Record<string, string>;
}

/** Presets begin at such a step: who comes back soon finds the list that was read, whose cursors are
 * good for the same beginning only. */
const STEP_MS = 300_000;

/** What the API is asked for; `now` are milliseconds, which a preset counts from. */
export function queryOf(filter: RunFilter, now: number): RunQuery {
  const { since, ...kept } = writeFilter(filter) as RunQuery & { since?: Span };
  if (since === undefined) return kept;
  const begin = Math.floor((now - SPANS[since]) / STEP_MS) * STEP_MS;
  return { ...kept, from: new Date(begin).toISOString() };
}

export function isEmpty(filter: RunFilter): boolean {
  return Object.keys(writeFilter(filter)).length === 0;
}

/** An instant of the address in the one form that the API takes; null for what is none. */
function instant(text: string | null): string | null {
  const at = text === null ? NaN : Date.parse(text);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}
