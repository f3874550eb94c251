import { describe, expect, it } from "vitest";
import { DRAWN_CHARACTERS, KEPT_CHARACTERS, LogLines } from "@/rules/logs/lines";
import { CHUNK_LINES } from "@/rules/logs/table";
import { addTo, AT, keptLines, linesOf, record } from "./records";

const texts = (lines: LogLines) => keptLines(lines).map((line) => line.text);
const looks = (lines: LogLines) => keptLines(lines).map(({ stream, text }) => [stream, text]);

describe("lines of a log", () => {
  it("end at line feeds and count from 1", () => {
    const lines = linesOf(record("stdout", "one\ntwo\n"), record("stdout", "three\n"));
    expect(texts(lines)).toEqual(["one", "two", "three"]);
    expect(keptLines(lines).map((line) => line.number)).toEqual([1, 2, 3]);
    expect(lines.line(1)?.at).toBe(Date.parse(AT));
    expect([lines.last, lines.line(0), lines.line(4)]).toEqual([3, null, null]);
  });

  it("can be those from somewhere on, and what goes on there of an earlier one is passed over", () => {
    const before = { begun: 7, stdout: 7, stderr: 0, plumber: 0 };
    const lines = new LogLines(undefined, before);
    addTo(lines, record("stdout", "the end of 7"), record("stderr", "eight\n"));
    addTo(lines, record("stdout", ", indeed\nnine\nten"));
    expect(looks(lines)).toEqual([["stderr", "eight"], ["stdout", "nine"], ["stdout", "ten"]]);
    expect([lines.line(7), lines.line(9)?.text, lines.last, lines.unfinished]).toEqual([null, "nine", 10, [10]]);
  });

  it("keep empty lines", () => {
    expect(texts(linesOf(record("stdout", "a\n\n\nb\n")))).toEqual(["a", "", "", "b"]);
    expect(texts(linesOf(record("stdout", "a"), record("stdout", "\n\nb")))).toEqual(["a", "", "b"]);
  });

  it("are there before they have ended, and grow", () => {
    const lines = linesOf(record("stdout", "Password: "));
    expect([texts(lines), lines.unfinished]).toEqual([["Password: "], [1]]);
    addTo(lines, record("stdout", "accepted\nnext"));
    expect([texts(lines), lines.unfinished]).toEqual([["Password: accepted", "next"], [2]]);
    expect([lines.cellsOf(1), lines.cellsOf(2)]).toEqual([18, 4]);
  });

  it("of one stream are not cut by the other, and stand where their first byte stood", () => {
    const lines = linesOf(
      record("stdout", "out begins, "),
      record("stderr", "an error\nand "),
      record("plumber", "a mark\n"),
      record("stdout", "out ends\nmore\n"),
      record("stderr", "another\n"),
    );
    expect(looks(lines)).toEqual([
      ["stdout", "out begins, out ends"],
      ["stderr", "an error"],
      ["stderr", "and another"],
      ["plumber", "a mark"],
      ["stdout", "more"],
    ]);
  });

  it("begin with their first byte, be it no whole character", () => {
    const euro = new TextEncoder().encode("€\n");
    const lines = linesOf(
      record("stdout", euro.slice(0, 1)),
      record("stderr", "error\n"),
      record("stdout", euro.slice(1)),
    );
    expect(looks(lines)).toEqual([["stdout", "€"], ["stderr", "error"]]);
    expect(lines.cellsOf(1)).toBe(1);
  });

  it("begin after a line feed in the same record, too", () => {
    const bytes = new TextEncoder().encode("one\n€two\n");
    const lines = linesOf(
      record("stdout", bytes.slice(0, 5)),
      record("stderr", "error\n"),
      record("stdout", bytes.slice(5)),
    );
    expect(texts(lines)).toEqual(["one", "€two", "error"]);
  });

  it("are the same however the bytes are cut", () => {
    const bytes = new TextEncoder().encode("ä\n\n€\x1b[31mred\nstill\x1b[0m\r\n🚀 end");
    const whole = keptLines(linesOf(record("stdout", bytes)));
    for (let cut = 1; cut < bytes.length; cut++) {
      const pieces = [record("stdout", bytes.slice(0, cut)), record("stdout", bytes.slice(cut))];
      expect(keptLines(linesOf(...pieces))).toEqual(whole);
    }
    const single = [...bytes].map((byte) => record("stdout", new Uint8Array([byte])));
    expect(keptLines(linesOf(...single))).toEqual(whole);
  });

  it("show bytes that are no UTF-8 as replacement characters", () => {
    expect(texts(linesOf(record("stdout", new Uint8Array([0x61, 0xff, 0x0a]))))).toEqual(["a\ufffd"]);
  });

  it("carry a colour into the next line of the same stream only", () => {
    const lines = linesOf(
      record("stdout", "\x1b[31mred\nstill red\x1b[0m\nplain\n"),
      record("stderr", "other\n"),
    );
    expect(keptLines(lines).map((line) => line.style)).toEqual(["", "\x1b[31m", "", ""]);
    expect(lines.plain(1)).toBe("red");
  });
});

describe("a very long line", () => {
  it("is one line, drawn in part", () => {
    const text = "x".repeat(DRAWN_CHARACTERS + 5);
    for (const records of [
      [record("stdout", text + "\nnext\n")],
      [record("stdout", text.slice(0, 10)), record("stdout", text.slice(10) + "\nnext\n")],
    ]) {
      const lines = linesOf(...records);
      expect([lines.last, lines.line(1)?.text.length, lines.line(1)?.hidden]).toEqual([
        2,
        DRAWN_CHARACTERS,
        5,
      ]);
      expect([lines.cellsOf(1) > DRAWN_CHARACTERS, lines.plain(1).length]).toEqual([true, text.length]);
    }
  });

  it("that is a progress bar shows how far that came", () => {
    const lines = linesOf(record("stdout", "  1 %\r".repeat(DRAWN_CHARACTERS) + " 99 %"));
    expect([lines.line(1)?.text, lines.line(1)?.hidden]).toEqual([" 99 %", 0]);
  });

  it("is counted to its end, but not kept", () => {
    const piece = record("stdout", "y".repeat(65_536));
    const lines = linesOf(...Array<typeof piece>(20).fill(piece), record("stdout", "\nnext\n"));
    expect([lines.last, lines.plain(1).length]).toEqual([2, KEPT_CHARACTERS]);
    expect(lines.line(1)?.hidden).toBe(20 * 65_536 - DRAWN_CHARACTERS);
    expect(lines.plain(2)).toBe("next");
  });
});

describe("the oldest lines", () => {
  const limits = { lines: 3 * CHUNK_LINES, characters: 1e9 };
  const thousand = record("stdout", "x\n".repeat(1_024));

  it("are dropped past the limit, and the others keep their numbers", () => {
    const lines = addTo(new LogLines(limits), ...Array<typeof thousand>(12).fill(thousand));
    expect([lines.count, lines.dropped]).toEqual([limits.lines, 0]);
    addTo(lines, thousand, thousand, record("stdout", "the last\n"));
    expect(lines.dropped).toBe(CHUNK_LINES);
    expect(lines.count).toBeLessThanOrEqual(limits.lines);
    expect([lines.line(CHUNK_LINES), lines.line(CHUNK_LINES + 1)?.text]).toEqual([null, "x"]);
    expect(lines.line(lines.last)).toMatchObject({ text: "the last", number: 14 * 1_024 + 1 });
  });

  it("are dropped when their text is too much", () => {
    const long = record("stdout", (("z".repeat(63) + "\n").repeat(1_024)));
    const small = { lines: 1e9, characters: 5 * CHUNK_LINES * 64 };
    const lines = addTo(new LogLines(small), ...Array<typeof long>(40).fill(long));
    expect(lines.dropped).toBeGreaterThan(0);
    expect(lines.count).toBeGreaterThan(3 * CHUNK_LINES);
    expect(keptLines(lines).every((line) => line.text.length === 63)).toBe(true);
  });

  it("may be one that goes on: what comes is none of another line", () => {
    const lines = addTo(new LogLines(limits), record("stderr", "begins "));
    addTo(lines, ...Array<typeof thousand>(14).fill(thousand));
    const { last } = lines;
    expect([lines.dropped > 0, lines.unfinished]).toEqual([true, []]);
    addTo(lines, record("stderr", "and ends\nanother\n"));
    expect([lines.last, lines.line(last + 1)?.text]).toEqual([last + 1, "another"]);
  });
});
