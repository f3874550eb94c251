import { expect, it } from "vitest";
import type { AgentDetail } from "@/api/types";
import { availability, knownShare, SHOWN_MS, spanOf, stretches } from "@/rules/agents/presence";

const NOW = Date.parse("2026-01-08T00:00:00Z");
const at = (share: number) => new Date(NOW - SHOWN_MS * (1 - share)).toISOString();

function agent(values: Partial<AgentDetail>): AgentDetail {
  return { status: "online", absences: [], created_at: at(-1), last_seen_at: at(1), ...values } as AgentDetail;
}

const drawn = (values: Partial<AgentDetail>) =>
  stretches(agent(values), NOW).map(({ kind, from, width }) => [kind, Number(from.toFixed(3)), Number(width.toFixed(3))]);

it("is there all the time when it was never away", () => {
  expect(drawn({})).toEqual([["online", 0, 1]]);
  expect(availability(stretches(agent({}), NOW))).toBe(1);
});

it("shows when it was away, of a new one all that is known", () => {
  expect(drawn({ created_at: at(0.5), absences: [{ since: at(0.6), until: at(0.7) }] })).toEqual([
    ["online", 0, 0.2],
    ["offline", 0.2, 0.2],
    ["online", 0.4, 0.6],
  ]);
  expect(drawn({ absences: [{ since: at(-0.5), until: at(0.25) }] })).toEqual([
    ["offline", 0, 0.25],
    ["online", 0.25, 0.75],
  ]);
});

it("is away until now while it is not back, also before that is noted", () => {
  const away = [["online", 0, 0.9], ["offline", 0.9, 0.1]];
  expect(drawn({ status: "offline", last_seen_at: at(0.9), absences: [{ since: at(0.9), until: null }] })).toEqual(away);
  expect(drawn({ status: "offline", last_seen_at: at(0.9) })).toEqual(away);
});

it("knows nothing of what was before the oldest of the absences that are kept", () => {
  const absences = Array.from({ length: 10 }, (_, n) => ({ since: at(0.5 + n / 100), until: at(0.505 + n / 100) }));
  expect(spanOf(agent({ absences }), NOW)).toBeCloseTo(SHOWN_MS / 2, -3);
  expect(drawn({ absences })[0]?.[0]).toBe("offline");
  const share = availability(stretches(agent({ absences }), NOW));
  expect(share).toBeCloseTo(0.9, 2);
});

it("is an hour at least, of which some is not known", () => {
  const joined = new Date(NOW - 15 * 60_000).toISOString();
  expect(drawn({ created_at: joined })).toEqual([["unknown", 0, 0.75], ["online", 0.75, 0.25]]);
  expect(knownShare(stretches(agent({ created_at: joined }), NOW))).toBeCloseTo(0.25, 5);
});

it("knows nothing of who was never heard of", () => {
  const parts = stretches(agent({ status: "never_seen", last_seen_at: null }), NOW);
  expect(parts.map(({ kind }) => kind)).toEqual(["unknown"]);
  expect(availability(parts)).toBeNull();
});
