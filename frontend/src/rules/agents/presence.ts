import type { Absence, AgentDetail } from "@/api/types";

const HOUR = 3_600_000;
/** So much of the past is drawn at most, and at least. */
export const SHOWN_MS = 7 * 24 * HOUR;
const LEAST_MS = HOUR;
/** That many absences are kept: with all of them there, what was before the first is not known. */
const KEPT = 10;

/** A part of the time that is drawn, as shares of its whole. */
export interface Stretch {
  kind: "online" | "offline" | "unknown";
  from: number;
  width: number;
  since: string;
  until: string | null;
}

type Presence = Pick<AgentDetail, "absences" | "created_at" | "last_seen_at" | "status">;

/** How much of the past is drawn: what is known of it, which of a new agent is little. */
export function spanOf(agent: Presence, now: number): number {
  const known = now - knownSince(agent, absencesOf(agent));
  return Math.min(SHOWN_MS, Math.max(LEAST_MS, known));
}

/** That past of an agent, oldest first: when it was there, when it was not, when nobody knows. */
export function stretches(agent: Presence, now: number): Stretch[] {
  const span = spanOf(agent, now);
  const begin = now - span;
  const found: Stretch[] = [];
  function add(kind: Stretch["kind"], since: number, until: number, isOpen = false): void {
    const from = Math.max(begin, since);
    if (until <= from) return;
    found.push({
      kind,
      from: (from - begin) / span,
      width: (until - from) / span,
      since: new Date(since).toISOString(),
      until: isOpen ? null : new Date(until).toISOString(),
    });
  }

  const absences = absencesOf(agent);
  let at = knownSince(agent, absences);
  add("unknown", begin, Math.min(at, now));
  for (const { since, until } of absences) {
    add("online", at, Date.parse(since));
    at = until === null ? now : Date.parse(until);
    add("offline", Date.parse(since), at, until === null);
  }
  if (agent.last_seen_at !== null) add("online", at, now, true);
  return found;
}

/** With the one that has begun and is not noted yet: that it is silent shows before it is. */
export function absencesOf({ absences, last_seen_at, status }: Presence): Absence[] {
  const isNoted = absences.at(-1)?.until === null;
  if (status !== "offline" || isNoted || last_seen_at === null) return absences;
  return [...absences, { since: last_seen_at, until: null }];
}

/** The share of the time that is known in which it was there; null where nothing is known. */
export function availability(parts: readonly Stretch[]): number | null {
  const known = parts.filter((each) => each.kind !== "unknown");
  const sum = (of: readonly Stretch[]) => of.reduce((total, each) => total + each.width, 0);
  const all = sum(known);
  return all === 0 ? null : sum(known.filter((each) => each.kind === "online")) / all;
}

/** How much of what is drawn is known, as a share. */
export function knownShare(parts: readonly Stretch[]): number {
  return parts.reduce((sum, { kind, width }) => (kind === "unknown" ? sum : sum + width), 0);
}

/** Since when nothing is missing: since it joined, or since the oldest absence that is kept. */
function knownSince(agent: Presence, absences: readonly Absence[]): number {
  const [oldest] = absences;
  if (agent.last_seen_at === null) return Infinity;
  if (agent.absences.length >= KEPT && oldest) return Date.parse(oldest.since);
  return Date.parse(agent.created_at);
}
