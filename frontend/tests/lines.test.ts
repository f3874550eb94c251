import { describe, expect, it } from "vitest";
import type { LogRecord, StreamName } from "@/api/types";
import { LineBuffer, MAX_LINE_LENGTH, MAX_LINES } from "@/log/lines";

const AT = "2026-01-02T03:04:05.678Z";

function record(stream: StreamName, data: string | Uint8Array): LogRecord {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return { stream, at: AT, data: btoa(String.fromCharCode(...bytes)) };
}

function linesOf(...records: LogRecord[]): LineBuffer {
  const buffer = new LineBuffer();
  records.forEach((each) => buffer.append([each]));
  return buffer;
}

function texts(buffer: LineBuffer): string[] {
  return buffer.lines.map((line) => line.text);
}

describe("lines of a log", () => {
  it("end at line feeds and count from 1", () => {
    const buffer = linesOf(record("stdout", "one\ntwo\n"), record("stdout", "three\n"));
    expect(texts(buffer)).toEqual(["one", "two", "three"]);
    expect(buffer.lines.map((line) => line.number)).toEqual([1, 2, 3]);
    expect(buffer.lines[0]?.at).toBe(Date.parse(AT));
  });

  it("keep empty lines", () => {
    expect(texts(linesOf(record("stdout", "a\n\n\nb\n")))).toEqual(["a", "", "", "b"]);
  });

  it("are there before they have ended, and grow", () => {
    const buffer = linesOf(record("stdout", "Password: "));
    expect(texts(buffer)).toEqual(["Password: "]);
    buffer.append([record("stdout", "accepted\nnext")]);
    expect(texts(buffer)).toEqual(["Password: accepted", "next"]);
  });

  it("of one stream are not cut by the other", () => {
    const buffer = linesOf(
      record("stdout", "out begins, "),
      record("stderr", "an error\n"),
      record("stdout", "out ends\n"),
    );
    expect(buffer.lines.map(({ stream, text }) => [stream, text])).toEqual([
      ["stdout", "out begins, out ends"],
      ["stderr", "an error"],
    ]);
  });

  it("put a character together that was cut between records", () => {
    const bytes = new TextEncoder().encode("a€b\n");
    const buffer = linesOf(record("stdout", bytes.slice(0, 2)), record("stdout", bytes.slice(2)));
    expect(texts(buffer)).toEqual(["a€b"]);
  });

  it("show bytes that are no UTF-8 as replacement characters", () => {
    expect(texts(linesOf(record("stdout", new Uint8Array([0x61, 0xff, 0x0a]))))).toEqual(["a\ufffd"]);
  });

  it("carry a colour into the next line of the same stream only", () => {
    const buffer = linesOf(
      record("stdout", "\x1b[31mred\nstill red\x1b[0m\nplain\n"),
      record("stderr", "other\n"),
    );
    expect(buffer.lines.map((line) => line.style)).toEqual(["", "\x1b[31m", "", ""]);
  });

  it("go on in the next one at the length limit", () => {
    const whole = linesOf(record("stdout", "x".repeat(MAX_LINE_LENGTH) + "\n"));
    expect(whole.lines.map((line) => line.text.length)).toEqual([MAX_LINE_LENGTH]);
    const longer = linesOf(record("stdout", "x".repeat(MAX_LINE_LENGTH + 1) + "\n"));
    expect(longer.lines.map((line) => line.text.length)).toEqual([MAX_LINE_LENGTH, 1]);
  });

  it("are dropped from the beginning past the limit, and keep their numbers", () => {
    const buffer = new LineBuffer();
    const thousand = record("stdout", "x\n".repeat(1_000));
    for (let count = 0; count < MAX_LINES / 1_000; count++) buffer.append([thousand]);
    expect([buffer.lines.length, buffer.dropped]).toEqual([MAX_LINES, 0]);
    buffer.append([record("stdout", "the last\n")]);
    const last = buffer.lines.at(-1);
    expect([last?.text, last?.number]).toEqual(["the last", MAX_LINES + 1]);
    expect(buffer.lines[0]?.number).toBe(buffer.dropped + 1);
    expect(buffer.dropped).toBeGreaterThan(0);
  });
});
