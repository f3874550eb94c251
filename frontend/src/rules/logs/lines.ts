import type { LinesBefore, LineStream, LogRecord } from "@/api/types";
import { carryStyle } from "./ansi";
import { Chunk, CHUNK_LINES, Pages, STREAMS, Styles } from "./table";
import { cellsOf, plainText } from "./text";

/** One line of output, as far as it has come. */
export interface Line {
  /** Counts from 1 over the whole log. */
  number: number;
  stream: LineStream;
  /** When its first byte was read, by the agent's clock; milliseconds since 1970. */
  at: number;
  /** Escape sequences that earlier lines of the stream left in force. */
  style: string;
  /** What is drawn of it. */
  text: string;
  /** How many more characters it has. */
  hidden: number;
}

/** At least so much is kept for display and search: the rest is for the download. */
export interface Limits {
  lines: number;
  characters: number;
}
const LIMITS: Limits = { lines: 2_000_000, characters: 256 * 1_024 * 1_024 };
/** So many characters of a line are drawn, and so many are searched. */
export const DRAWN_CHARACTERS = 8_000;
export const KEPT_CHARACTERS = 1_000_000;
/** Room for "… 1,234,567 more characters" behind a line that is cut. */
const HINT_CELLS = 32;
/** More than the limits is kept for a while, so that dropping is seldom done. */
const SLACK = 1.1;
const PRINTABLE_LINES = /^[\x20-\x7e\n]*$/;
const LINE_FEED = 10;

interface Stream {
  index: number;
  decoder: TextDecoder;
  style: string;
  /** The number of the line that has not ended, null when the next byte begins a new one. */
  open: number | null;
  /** What is kept of that line. */
  text: string;
}

/**
 * The lines of a log. A line's number is the place of its first byte among those of all streams; it
 * ends with a line feed, and is there before that as far as it is known. Each stream is decoded by
 * itself, so a character that is cut in two is put together.
 *
 * What `add` took can be read after `commit`; both cost what came, however long the log is.
 */
export class LogLines {
  /** How many lines there are, counted from the log's beginning. */
  last = 0;
  /** How many of them, at the beginning, are not kept. */
  dropped = 0;
  /** How many there will be, where that is known before all have come; 0 where it is not. */
  expected = 0;
  private chunks: Chunk[] = [];
  private readonly pages = new Pages();
  private readonly styles = new Styles();
  private readonly streams = STREAMS.map(newStream);

  /**
   * From somewhere in a log, where lines came before: their colours are not known, and what goes on
   * of them is passed over.
   */
  constructor(
    private readonly limits: Limits = LIMITS,
    before: LinesBefore | null = null,
  ) {
    if (!before) return;
    this.last = this.dropped = before.begun;
    for (const stream of this.streams) stream.open = before[STREAMS[stream.index] ?? "stdout"] || null;
  }

  /** How many lines are kept. */
  get count(): number {
    return this.last - this.dropped;
  }

  /** The numbers of the lines that have not ended. */
  get unfinished(): number[] {
    return this.streams.flatMap(({ open }) => (open !== null && open > this.dropped ? [open] : []));
  }

  add(record: LogRecord): void {
    const stream = this.streams[STREAMS.indexOf(record.stream)];
    const bytes = bytesOf(record.data);
    if (!stream || bytes.length === 0) return;
    const at = Date.parse(record.at);
    this.write(stream, stream.decoder.decode(bytes, { stream: true }), at);
    // A line has begun with its first byte, even if that is no whole character yet.
    if (stream.open === null && bytes[bytes.length - 1] !== LINE_FEED) this.begin(stream, at);
  }

  /** Makes readable what was added, and lets the oldest go when it is too much. */
  commit(): void {
    this.pages.commit();
    for (const stream of this.streams) {
      if (stream.open !== null) this.measure(stream.open, stream.text);
    }
    if (this.isOver(SLACK)) this.trim();
  }

  streamOf(number: number): LineStream {
    const [chunk, index] = this.place(number);
    return STREAMS[chunk?.stream[index] ?? 0] ?? "stdout";
  }

  /** How many character cells the line takes as it is drawn. */
  cellsOf(number: number): number {
    const [chunk, index] = this.place(number);
    return chunk?.cells[index] ?? 0;
  }

  /** The line as it is drawn; null when it is not kept or not there yet. */
  line(number: number): Line | null {
    const [chunk, index] = this.place(number);
    if (!chunk || number > this.last) return null;
    const length = chunk.length[index] ?? 0;
    const text = drawnPart(this.keptText(number));
    return {
      number,
      stream: this.streamOf(number),
      at: chunk.at[index] ?? 0,
      style: this.styles.at(chunk.style[index] ?? 0),
      text,
      hidden: text.length === DRAWN_CHARACTERS ? length - text.length : 0,
    };
  }

  /** The line's characters, without colours, for searching. */
  plain(number: number): string {
    return plainText(this.keptText(number));
  }

  private keptText(number: number): string {
    const open = this.streams.find((stream) => stream.open === number);
    if (open) return open.text;
    const [chunk, index] = this.place(number);
    if (!chunk) return "";
    const length = Math.min(chunk.length[index] ?? 0, KEPT_CHARACTERS);
    return this.pages.slice(chunk.page[index] ?? 0, chunk.start[index] ?? 0, length);
  }

  private write(stream: Stream, text: string, at: number): void {
    let end = text.indexOf("\n");
    if (end < 0) {
      if (text !== "") this.grow(stream, text, at);
      return;
    }
    let from = 0;
    if (stream.open !== null) {
      this.grow(stream, text.slice(0, end), at);
      this.finish(stream);
      from = end + 1;
    }
    this.writeWhole(stream, text, from, at);
    end = text.lastIndexOf("\n");
    if (end < text.length - 1) this.grow(stream, text.slice(end + 1), at);
  }

  /** Puts the lines of a text that begin and end in it: they stay where they are in the page. */
  private writeWhole(stream: Stream, text: string, from: number, at: number): void {
    let end = text.indexOf("\n", from);
    if (end < 0) return;
    const base = this.pages.add(text);
    const isPrintable = PRINTABLE_LINES.test(text);
    for (; end >= 0; from = end + 1, end = text.indexOf("\n", from)) {
      const number = this.put(stream, at);
      this.locate(number, base + from, end - from);
      if (isPrintable && end - from <= DRAWN_CHARACTERS) {
        this.setCells(number, end - from);
        continue;
      }
      const line = text.slice(from, end);
      this.measure(number, line);
      if (line.includes("\x1b")) stream.style = carryStyle(stream.style, line);
    }
  }

  private begin(stream: Stream, at: number): number {
    stream.text = "";
    stream.open = this.put(stream, at);
    return stream.open;
  }

  private grow(stream: Stream, piece: string, at: number): void {
    const number = stream.open ?? this.begin(stream, at);
    const [chunk, index] = this.place(number);
    if (chunk) chunk.length[index] = (chunk.length[index] ?? 0) + piece.length;
    stream.text += piece.slice(0, Math.max(0, KEPT_CHARACTERS - stream.text.length));
  }

  private finish(stream: Stream): void {
    const { open, text } = stream;
    if (open === null) return;
    const [chunk, index] = this.place(open);
    if (chunk) this.locate(open, this.pages.add(text), chunk.length[index] ?? 0);
    this.measure(open, text);
    if (text.includes("\x1b")) stream.style = carryStyle(stream.style, text);
    stream.open = null;
    stream.text = "";
  }

  private put(stream: Stream, at: number): number {
    const number = ++this.last;
    if ((this.count - 1) % CHUNK_LINES === 0) this.chunks.push(new Chunk(this.pages.current));
    const [chunk, index] = this.place(number);
    if (!chunk) return number;
    chunk.at[index] = at;
    chunk.stream[index] = stream.index;
    chunk.style[index] = this.styles.indexOf(stream.style);
    return number;
  }

  private locate(number: number, start: number, length: number): void {
    const [chunk, index] = this.place(number);
    if (!chunk) return;
    chunk.page[index] = this.pages.current;
    chunk.start[index] = start;
    chunk.length[index] = length;
  }

  private measure(number: number, text: string): void {
    const drawn = drawnPart(text);
    const hint = text.length > drawn.length ? HINT_CELLS : 0;
    this.setCells(number, cellsOf(plainText(drawn)) + hint);
  }

  private setCells(number: number, cells: number): void {
    const [chunk, index] = this.place(number);
    if (chunk) chunk.cells[index] = cells;
  }

  /** Where a line is; nowhere when it is not kept. `dropped` is a multiple of the chunks' size. */
  private place(number: number): [Chunk | undefined, number] {
    const index = number - 1 - this.dropped;
    return [this.chunks[Math.floor(index / CHUNK_LINES)], index % CHUNK_LINES];
  }

  private trim(): void {
    while (this.chunks.length > 1 && this.isOver(1)) {
      this.chunks.shift();
      this.dropped += CHUNK_LINES;
      this.pages.dropBefore(this.chunks[0]?.firstPage ?? 0);
    }
  }

  private isOver(factor: number): boolean {
    const { lines, characters } = this.limits;
    return this.count > lines * factor || this.pages.length > characters * factor;
  }
}

/** What is drawn of a line: all, its beginning, or what a carriage return left of a progress bar. */
function drawnPart(text: string): string {
  if (text.length <= DRAWN_CHARACTERS) return text;
  const end = text.slice(-DRAWN_CHARACTERS);
  const start = end.lastIndexOf("\r", end.length - 2);
  return start < 0 ? text.slice(0, DRAWN_CHARACTERS) : end.slice(start + 1);
}

function newStream(_: LineStream, index: number): Stream {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return { index, decoder, style: "", open: null, text: "" };
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
