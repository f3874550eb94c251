import type { LineStream, LogRecord } from "@/api/types";
import { LogLines, type Line } from "@/rules/logs/lines";
import type { Steps } from "@/rules/logs/slices";

export const AT = "2026-01-02T03:04:05.678Z";

export function record(stream: LineStream, data: string | Uint8Array): LogRecord {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { stream, at: AT, data: btoa(binary) };
}

/** The lines of records that came one by one. */
export function linesOf(...records: LogRecord[]): LogLines {
  return addTo(new LogLines(), ...records);
}

export function addTo(lines: LogLines, ...records: LogRecord[]): LogLines {
  for (const each of records) {
    lines.add(each);
    lines.commit();
  }
  return lines;
}

export function keptLines(lines: LogLines): Line[] {
  const numbers = Array.from({ length: lines.count }, (_, index) => lines.dropped + 1 + index);
  return numbers.map((number) => lines.line(number)).filter((line) => line !== null);
}

/** Does the work in one go; answers in how many steps. */
export function drain(steps: Steps): number {
  let count = 1;
  while (!steps.next().done) count++;
  return count;
}
