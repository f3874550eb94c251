import { expect, test } from "vitest";
import { isEmpty, queryOf, readFilter, writeFilter } from "@/rules/runs/filter";

const NOW = Date.parse("2026-01-31T12:00:00Z");

test("an address is read and written the same", () => {
  const address = { q: "shop", state: "failed,timed_out", task: "T", agent: "A", trigger: "schedule", by: "ci", since: "7d" };
  expect(writeFilter(readFilter(address))).toEqual(address);
  expect(isEmpty(readFilter(address))).toBe(false);
});

test("what an address says wrongly does not count", () => {
  const filter = readFilter({ state: "broken,failed", trigger: "nobody", since: "9y", from: "then", q: ["a", "b"] });
  expect(writeFilter(filter)).toEqual({ q: "a", state: "failed" });
  expect(isEmpty(readFilter({ other: "x", q: "" }))).toBe(true);
});

test("a preset begins at the same time for whoever comes back soon, and never later than it says", () => {
  const from = (now: number) => queryOf(readFilter({ since: "1h" }), now).from;
  expect(from(NOW + 1)).toBe(from(NOW + 299_999));
  expect(Date.parse(from(NOW + 299_999) ?? "")).toBeLessThanOrEqual(NOW + 299_999 - 3_600_000);
  expect(from(NOW + 300_000)).not.toBe(from(NOW));
});

test("a preset is counted from now, and stands instead of a range", () => {
  expect(queryOf(readFilter({ since: "24h", from: "2020-01-01" }), NOW)).toEqual({ from: "2026-01-30T12:00:00.000Z" });
  const range = { from: "2026-01-01T00:00:00.000Z", to: "2026-01-02T00:00:00.000Z" };
  expect(queryOf(readFilter({ from: "2026-01-01", to: "2026-01-02" }), NOW)).toEqual(range);
});
