import { describe, expect, it } from "vitest";
import { Layout } from "@/rules/logs/layout";
import { LogLines } from "@/rules/logs/lines";
import { Rows } from "@/rules/logs/rows";
import { MAX_ELEMENT_PX, ScrollMap } from "@/rules/logs/scroll";
import { CHUNK_LINES } from "@/rules/logs/table";
import { addTo, drain, linesOf, record } from "./records";

function rowsOf(columns: number | null, ...cells: number[]): Rows {
  const rows = new Rows(columns);
  cells.forEach((each) => rows.push(each));
  return rows;
}

describe("rows", () => {
  it("are one a line where nothing is wrapped", () => {
    const rows = rowsOf(null, 3, 25, 0, 10);
    expect([rows.count, rows.startOf(2), rows.lineAt(3), rows.lineAt(9)]).toEqual([4, 2, 3, 3]);
  });

  it("are as many as a wrapped line takes, at least one", () => {
    const rows = rowsOf(10, 3, 25, 0, 10);
    expect([0, 1, 2, 3, 4].map((index) => rows.startOf(index))).toEqual([0, 1, 4, 5, 6]);
    expect(rows.count).toBe(6);
    expect([0, 1, 3, 4, 5, 99].map((row) => rows.lineAt(row))).toEqual([0, 1, 1, 2, 3, 3]);
  });

  it("of nothing are none", () => {
    expect([rowsOf(10).count, rowsOf(10).lineAt(0), rowsOf(null).lineAt(5)]).toEqual([0, 0, 0]);
  });

  it("can be taken back", () => {
    const rows = rowsOf(10, 3, 25, 0, 10);
    rows.truncate(1);
    rows.push(12);
    expect([rows.length, rows.count, rows.startOf(1)]).toEqual([2, 3, 1]);
  });
});

describe("a layout", () => {
  it("grows with the log", () => {
    const lines = linesOf(record("stdout", "one\ntwo\n"));
    const layout = new Layout(lines, null, 10);
    drain(layout.extend());
    addTo(lines, record("stdout", "a line of three rows ...\nend\n"));
    drain(layout.extend());
    expect([layout.count, layout.rows.count, layout.rows.startOf(3)]).toEqual([4, 6, 5]);
  });

  it("has the lines of one stream, and the product's marks", () => {
    const lines = linesOf(
      record("stdout", "1\n2\n"),
      record("stderr", "3\n"),
      record("plumber", "4\n"),
      record("stdout", "5\n"),
    );
    const layout = new Layout(lines, "stderr", null);
    drain(layout.extend());
    expect([layout.numberAt(0), layout.numberAt(1), layout.count]).toEqual([3, 4, 2]);
    expect([1, 3, 4, 5].map((number) => layout.indexOf(number))).toEqual([0, 0, 1, 2]);
  });

  it("moves what is below a line that goes on", () => {
    const lines = linesOf(record("stdout", "waiting"), record("stderr", "1\n2\n"));
    const layout = new Layout(lines, null, 10);
    drain(layout.extend());
    expect(layout.rows.count).toBe(3);
    addTo(lines, record("stdout", " for a long time\n"));
    drain(layout.extend());
    expect([layout.rows.count, layout.rows.startOf(1), layout.count]).toEqual([5, 3, 3]);
  });

  it("has a row for each line that is known to come, until it has", () => {
    const lines = linesOf(record("stdout", "one\na line of three rows ...\n"));
    lines.expected = 5;
    const layout = new Layout(lines, null, 10);
    drain(layout.extend());
    expect([layout.count, layout.rows.count, layout.rows.startOf(3), layout.rows.startOf(9)]).toEqual([5, 7, 5, 7]);
    expect([layout.rows.lineAt(3), layout.rows.lineAt(5), layout.rows.lineAt(99)]).toEqual([1, 3, 4]);
    expect([layout.numberAt(4), layout.indexOf(5)]).toEqual([5, 4]);
    addTo(lines, record("stdout", "another of three rows ..\n4\n5\n"));
    drain(layout.extend());
    expect([layout.count, layout.rows.count, layout.rows.startOf(3)]).toEqual([5, 9, 7]);
  });

  it("of one stream has only the lines that have come", () => {
    const lines = linesOf(record("stdout", "one\n"));
    lines.expected = 5;
    const layout = new Layout(lines, "stdout", null);
    drain(layout.extend());
    expect([layout.count, layout.rows.count]).toEqual([1, 1]);
  });

  it("is made in steps, and may be left between them", () => {
    const lines = linesOf(record("stdout", "x\n".repeat(10_000)));
    const layout = new Layout(lines, "stdout", 10);
    layout.extend().next();
    expect(layout.count).toBeLessThan(10_000);
    expect(drain(layout.extend())).toBeGreaterThan(2);
    expect([layout.count, layout.numberAt(9_999)]).toEqual([10_000, 10_000]);
  });

  it("is stale once lines were dropped", () => {
    const lines = new LogLines({ lines: CHUNK_LINES, characters: 1e9 });
    const layout = new Layout(lines, null, null);
    addTo(lines, record("stdout", "x\n".repeat(2 * CHUNK_LINES)));
    expect(layout.isStale).toBe(true);
    const next = new Layout(lines, null, null);
    drain(next.extend());
    expect([next.numberAt(0), next.indexOf(3)]).toEqual([CHUNK_LINES + 1, 0]);
  });
});

describe("a list higher than an element may be", () => {
  const map = new ScrollMap(100_000_000, 800);

  it("stands in a lower element, end on end", () => {
    expect(map.elementHeight).toBe(MAX_ELEMENT_PX);
    expect([map.settled(0), map.settled(map.end)]).toEqual([0, MAX_ELEMENT_PX - 800]);
    expect([map.offsetAt(0), map.offsetAt(MAX_ELEMENT_PX - 800)]).toEqual([0, map.end]);
  });

  it("has a place for each of the element's, and back", () => {
    let before = -1;
    for (let at = 0; at <= map.end; at += 999_983) {
      const settled = map.settled(at);
      expect(settled).toBeGreaterThan(before);
      expect(map.offsetAt(settled)).toBeCloseTo(at, 3);
      before = settled;
    }
  });

  it("scrolls pixel by pixel at its ends", () => {
    expect(map.offsetAt(1_234_567)).toBe(1_234_567);
    expect(map.end - map.offsetAt(MAX_ELEMENT_PX - 800 - 500)).toBeCloseTo(500, 3);
  });

  it("is moved little by little everywhere, and far by a jump", () => {
    const middle = map.offsetAt(7_000_000);
    expect(map.moved(middle, 7_000_000, 7_000_100)).toBe(middle + 100);
    expect(map.moved(middle, 7_000_000, 6_999_900)).toBe(middle - 100);
    expect(map.moved(middle, 7_000_000, 9_000_000)).toBe(map.offsetAt(9_000_000));
    expect(map.moved(middle, 100, 0)).toBe(0);
    expect(map.moved(middle, 7_000_000, MAX_ELEMENT_PX - 800)).toBe(map.end);
  });

  it("is taken as it is when it is low enough", () => {
    const low = new ScrollMap(18_000, 800);
    expect([low.elementHeight, low.offsetAt(17_200), low.settled(123.5)]).toEqual([18_000, 17_200, 123.5]);
    expect(low.moved(0, 0, 9_000)).toBe(9_000);
    expect([new ScrollMap(100, 800).end, new ScrollMap(100, 800).offsetAt(5)]).toEqual([0, 0]);
  });
});
