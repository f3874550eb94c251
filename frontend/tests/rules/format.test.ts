import { describe, expect, it } from "vitest";
import { formatLabels, parseLabels } from "@/rules/labels";
import { formatBytes, formatCount, formatDuration, formatRelative } from "@/rules/format";
import { hasBegun, isActive, stateText, TONES } from "@/rules/states";
import { insertServerId, starter } from "@/rules/tasks/toml";
import type { Change } from "@/rules/tasks/tomlTables";

const NOW = Date.parse("2026-01-02T00:00:00Z");

describe("format", () => {
  it.each([
    [0, "0.0s"],
    [9.94, "9.9s"],
    [59.9, "59s"],
    [60, "1m 00s"],
    [3_599, "59m 59s"],
    [7_620, "2h 07m"],
    [86_400 * 3 + 3_600 * 4, "3d 4h"],
  ])("writes %d seconds as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it.each([
    ["2026-01-01T23:59:57Z", "just now"],
    ["2026-01-01T23:59:48Z", "12s ago"],
    ["2026-01-02T03:00:00Z", "in 3h"],
    ["2026-01-01T00:00:00Z", "1d ago"],
    ["2025-12-31T00:00:00Z", "2d ago"],
  ])("writes %s as %s", (instant, text) => {
    expect(formatRelative(instant, NOW)).toBe(text);
  });

  it.each([
    [1_023, "1023 B"],
    [1_024, "1.0 KB"],
    [20 * 1_024 ** 2, "20.0 MB"],
  ])("writes %d bytes as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("counts in singular and plural", () => {
    expect([0, 1, 2].map((count) => formatCount(count, "step"))).toEqual(["0 steps", "1 step", "2 steps"]);
  });
});

describe("labels", () => {
  it("go there and back", () => {
    const labels = parseLabels(" role=web,zone = a , ");
    expect(labels).toEqual({ role: "web", zone: "a" });
    expect(formatLabels(labels)).toBe("role=web, zone=a");
  });

  it("that are none are named", () => {
    expect(() => parseLabels("role=web, zone")).toThrow("'zone' is no label");
  });
});

describe("states", () => {
  it("say whether a run may change and whether a job may have output", () => {
    expect(isActive("cancelling")).toBe(true);
    expect(isActive("failed")).toBe(false);
    expect(hasBegun("claimed")).toBe(true);
    expect(hasBegun("undelivered")).toBe(false);
  });

  it("are written in words, and each has a tone", () => {
    expect(stateText("timed_out")).toBe("timed out");
    expect(TONES.lost).toBe("bad");
  });
});

describe("a definition", () => {
  const applied = (text: string, { from, to, insert }: Change) =>
    text.slice(0, from) + insert + text.slice(to);

  it("begins with the first agent, or says that one is to be put in", () => {
    expect(starter("an-id")).toContain('ServerID = "an-id"');
    expect(starter(null)).toContain("put an agent's name here");
  });

  it("takes an agent in the place of another, on an empty line, or below a line", () => {
    const text = 'CMD = "x"\nServerID = "old"\n\nend';
    const at = (place: string) => applied(text, insertServerId(text, text.indexOf(place), "new"));
    expect(at("old")).toBe('CMD = "x"\nServerID = "new"\n\nend');
    expect(at("\nend")).toBe('CMD = "x"\nServerID = "old"\nServerID = "new"\nend');
    expect(at("CMD")).toBe('CMD = "x"\nServerID = "new"\nServerID = "old"\n\nend');
  });
});
