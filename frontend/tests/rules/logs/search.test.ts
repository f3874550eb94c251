import { describe, expect, it, vi } from "vitest";
import type { StreamName } from "@/api/types";
import type { LogLines } from "@/rules/logs/lines";
import { compile, matchesIn, Search, type Query } from "@/rules/logs/search";
import { runInSlices, type Steps } from "@/rules/logs/slices";
import { addTo, drain, linesOf, record } from "./records";

function pattern(text: string, options: Partial<Query> = {}): RegExp {
  const made = compile({ text, isRegex: false, ignoresCase: true, ...options });
  if (!made) throw new Error("empty");
  return made;
}

function foundBy(search: Search): number[] {
  drain(search.run());
  return Array.from({ length: search.found.length }, (_, index) => search.found.at(index));
}

function found(lines: LogLines, wanted: RegExp, stream: StreamName | null = null): number[] {
  return foundBy(new Search(lines, wanted, stream));
}

describe("a search", () => {
  const lines = linesOf(
    record("stdout", "Error: one\nfine\n\x1b[31mer\x1b[0mror\n"),
    record("stderr", "an error\n"),
    record("plumber", "error in the log\n"),
  );

  it("finds text as it is, in any case unless that matters, through colours", () => {
    expect(found(lines, pattern("error"))).toEqual([1, 3, 4, 5]);
    expect(found(lines, pattern("Error", { ignoresCase: false }))).toEqual([1]);
    expect(found(linesOf(record("stdout", "a.b\naxb\n")), pattern("a.b"))).toEqual([1]);
  });

  it("takes regular expressions", () => {
    expect(found(lines, pattern("^an? |one$", { isRegex: true }))).toEqual([1, 4]);
  });

  it("keeps to the stream that is shown, and the product's marks", () => {
    expect(found(lines, pattern("error"), "stderr")).toEqual([4, 5]);
  });

  it("goes on with the log, and looks again at a line that went on", () => {
    const live = linesOf(record("stdout", "be"), record("stderr", "found\n"));
    const search = new Search(live, pattern("found"), null);
    expect(foundBy(search)).toEqual([2]);
    addTo(live, record("stdout", " found\nfound\n"));
    expect(foundBy(search)).toEqual([1, 2, 3]);
    expect(search.countBefore(3)).toBe(2);
  });

  it("is done in small steps", () => {
    const many = linesOf(record("stdout", "x\n".repeat(2_000)));
    expect(drain(new Search(many, pattern("x"), null).run())).toBeGreaterThan(10);
  });

  it("says in words what is no regular expression", () => {
    expect(() => pattern("a(", { isRegex: true })).toThrow(
      "This is no regular expression: unterminated group.",
    );
    expect(compile({ text: "", isRegex: true, ignoresCase: true })).toBeNull();
  });

  it("marks each place in a line", () => {
    expect(matchesIn(pattern("ab"), "abcAB")).toEqual([0, 2, 3, 5]);
    expect(matchesIn(pattern("x*", { isRegex: true }), "axx")).toEqual([1, 3]);
  });
});

describe("work in slices", () => {
  function* steps(count: number, doStep: () => void): Steps {
    for (let index = 0; index < count; index++) {
      doStep();
      yield;
    }
  }

  it("rests when a slice's time is over", async () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const isWanted = vi.fn(() => true);
    expect(await runInSlices(steps(10, () => (now += 4)), isWanted)).toBe(true);
    expect(isWanted).toHaveBeenCalledTimes(6);
    vi.restoreAllMocks();
  });

  it("ends between two slices when nobody wants it any more", async () => {
    let done = 0;
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (now += 5));
    expect(await runInSlices(steps(100, () => done++), () => done < 10)).toBe(false);
    expect(done).toBeLessThan(20);
    vi.restoreAllMocks();
  });
});
