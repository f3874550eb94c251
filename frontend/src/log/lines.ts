import type { LogRecord, StreamName } from "@/api/types";
import { carryStyle } from "./ansi";
import { cellsOf, plainText } from "./text";

/** One line of output, as far as it has come. */
export interface Line {
  /** Counts from 1 over the whole log. */
  number: number;
  stream: StreamName;
  /** When its first byte was read, by the agent's clock; milliseconds since 1970. */
  at: number;
  /** Escape sequences that earlier lines of the stream left in force. */
  style: string;
  text: string;
  /** How many character cells it takes, for wrapping. */
  cells: number;
}

/** What is kept for display: the rest is for the download. */
export const MAX_LINES = 200_000;
/** A longer line goes on in the next one, so that no line is too much to draw. */
export const MAX_LINE_LENGTH = 8_000;

interface Stream {
  decoder: TextDecoder;
  style: string;
  /** Where the line that has not ended stands, null when the next text begins a new one. */
  open: number | null;
}

/**
 * Makes lines of records. Each stream is decoded by itself, so a character that is cut in two is
 * put together; a line that has not ended yet is there as far as it is known.
 */
export class LineBuffer {
  lines: Line[] = [];
  /** How many lines at the beginning are no longer kept. */
  dropped = 0;
  private readonly streams = { stdout: newStream(), stderr: newStream() };

  append(records: readonly LogRecord[]): void {
    for (const record of records) {
      const stream = this.streams[record.stream];
      const text = stream.decoder.decode(bytesOf(record.data), { stream: true });
      this.write(record.stream, text, Date.parse(record.at));
    }
    this.trim();
  }

  private write(name: StreamName, text: string, at: number): void {
    const stream = this.streams[name];
    const pieces = text.split("\n");
    pieces.forEach((piece, index) => {
      const ends = index < pieces.length - 1;
      if (piece !== "" || (ends && stream.open === null)) this.extend(name, piece, at);
      if (ends) this.end(stream);
    });
  }

  private extend(name: StreamName, piece: string, at: number): void {
    const stream = this.streams[name];
    let rest = piece;
    do {
      const old = stream.open === null ? null : (this.lines[stream.open - this.dropped] ?? null);
      const room = MAX_LINE_LENGTH - (old?.text.length ?? 0);
      const text = (old?.text ?? "") + rest.slice(0, room);
      rest = rest.slice(room);
      this.put(name, old, text, at);
      if (rest !== "") this.end(stream);
    } while (rest !== "");
  }

  private put(name: StreamName, old: Line | null, text: string, at: number): void {
    const stream = this.streams[name];
    const cells = cellsOf(plainText(text));
    if (old) {
      this.lines[old.number - 1 - this.dropped] = { ...old, text, cells };
      return;
    }
    stream.open = this.dropped + this.lines.length;
    const number = stream.open + 1;
    this.lines.push({ number, stream: name, at, style: stream.style, text, cells });
  }

  private end(stream: Stream): void {
    const line = stream.open === null ? undefined : this.lines[stream.open - this.dropped];
    if (line) stream.style = carryStyle(stream.style, line.text);
    stream.open = null;
  }

  /** Drops more than is needed, so that it is seldom done. */
  private trim(): void {
    if (this.lines.length <= MAX_LINES) return;
    const drop = this.lines.length - Math.floor(MAX_LINES * 0.9);
    this.lines = this.lines.slice(drop);
    this.dropped += drop;
    for (const stream of Object.values(this.streams)) {
      if (stream.open !== null && stream.open < this.dropped) stream.open = null;
    }
  }
}

function newStream(): Stream {
  return { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), style: "", open: null };
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
