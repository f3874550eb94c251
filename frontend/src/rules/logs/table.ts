import type { LineStream } from "@/api/types";

/** So many lines share one set of arrays, and go together when the oldest go. */
export const CHUNK_LINES = 4_096;

export const STREAMS: readonly LineStream[] = ["stdout", "stderr", "plumber"];

/** Some thousand lines: a number of each kind per line, and no object. */
export class Chunk {
  /** Which page of text a line is in, where it begins there, and how many characters it has. */
  readonly page = new Uint32Array(CHUNK_LINES);
  readonly start = new Uint32Array(CHUNK_LINES);
  readonly length = new Uint32Array(CHUNK_LINES);
  /** How many character cells it takes as it is drawn. */
  readonly cells = new Uint32Array(CHUNK_LINES);
  /** When its first byte was read, milliseconds since 1970. */
  readonly at = new Float64Array(CHUNK_LINES);
  /** The index of the escape sequences that were in force before it. */
  readonly style = new Uint16Array(CHUNK_LINES);
  /** The index in `STREAMS`. */
  readonly stream = new Uint8Array(CHUNK_LINES);

  /** No line here is in an earlier page. */
  constructor(readonly firstPage: number) {}
}

/** Each of some texts once, by a number; when there are too many, further ones are the empty text. */
export class Styles {
  private readonly texts = [""];
  private readonly indexes = new Map([["", 0]]);

  indexOf(text: string): number {
    const known = this.indexes.get(text);
    if (known !== undefined) return known;
    if (this.texts.length > 0xffff) return 0;
    this.indexes.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }

  at(index: number): string {
    return this.texts[index] ?? "";
  }
}

/** Text in pages, each one string: as compact as it gets, and freed by the page. */
export class Pages {
  /** How many characters are kept. */
  length = 0;
  private pages: string[] = [];
  private first = 0;
  private parts: string[] = [];
  private pending = 0;

  /** The number of the page that is being written. */
  get current(): number {
    return this.first + this.pages.length;
  }

  /** Adds to the page that is being written; answers where in it. */
  add(text: string): number {
    this.parts.push(text);
    this.pending += text.length;
    return this.pending - text.length;
  }

  /** Ends the page; only then can it be read. */
  commit(): void {
    if (this.pending === 0) return;
    this.pages.push(this.parts.join(""));
    this.length += this.pending;
    this.parts = [];
    this.pending = 0;
  }

  slice(page: number, start: number, length: number): string {
    return this.pages[page - this.first]?.slice(start, start + length) ?? "";
  }

  /** Frees the pages before this one. */
  dropBefore(page: number): void {
    const dropped = this.pages.splice(0, Math.max(0, page - this.first));
    this.first += dropped.length;
    for (const text of dropped) this.length -= text.length;
  }
}
