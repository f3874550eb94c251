/**
 * TOML with the place of everything in it, so that it can be changed without losing a comment or the
 * order. Parsers that keep places are made for linters, and the one that is well kept overflows the
 * stack on long scripts; what is right or wrong in a task is the control plane's to say, so this one
 * need only read TOML 1.0 and refuse the rest.
 */

/** Of a table, an array or a value: `["step", 1, "Env", "STAGE"]`. */
export type Path = readonly (string | number)[];

export interface KeyPart {
  name: string;
  from: number;
  to: number;
}

/** One `key = value`; `to` is behind the value. */
export interface Entry {
  path: Path;
  parts: KeyPart[];
  from: number;
  to: number;
  value: Node;
}

interface Place {
  from: number;
  to: number;
}
export type Quote = '"' | "'" | '"""' | "'''";
export type Node = Place &
  (
    | { kind: "text"; text: string; quote: Quote }
    | { kind: "number"; number: number }
    | { kind: "flag"; flag: boolean }
    | { kind: "date" }
    | { kind: "list"; items: Node[] }
    | { kind: "table"; entries: Entry[] }
  );

/** A `[table]` or `[[table]]` with what stands below it. `path` tells elements of arrays apart. */
export interface Header {
  path: Path;
  isArray: boolean;
  parts: KeyPart[];
  from: number;
  /** Behind the closing bracket. */
  to: number;
  entries: Entry[];
}

export interface TomlDocument {
  text: string;
  /** What stands above the first header. */
  entries: Entry[];
  headers: Header[];
}

/** The text is no TOML; `at` is where that was seen. */
export class TomlError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
    this.name = "TomlError";
  }
}

/** As a key in a set: no part holds a NUL. */
export function nameOf(path: Path): string {
  return path.map((part) => (typeof part === "number" ? `\0${part}` : part)).join("\0\0");
}

/** Raises TomlError. */
export function parseToml(text: string): TomlDocument {
  return new Reader(text).document();
}

const SPACE = /[ \t]*/y;
const BARE = /[A-Za-z0-9_-]+/y;
const NEWLINE = /\r?\n/y;
const COMMENT = /#[^\n]*/y;
const SCALAR = /\d{4}-\d\d-\d\d [\d:.]+(?:Z|[+-]\d\d:\d\d)?|[^\s,#\]}=]+/y;
const INTEGER = /^(?:[+-]?(?:0|[1-9](?:_?\d)*)|0x[0-9a-fA-F](?:_?[0-9a-fA-F])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*)$/;
const FLOAT = /^[+-]?(?:inf|nan|(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?)$/;
const DATE = /^(?:\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d:\d\d(?:\.\d+)?)$/;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([ \t]*\r?\n\s*)|([^]?))/g;
const SIMPLE: Record<string, string> = {
  b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\",
}; // prettier-ignore
/** Control characters, which TOML has only as escapes. */
// eslint-disable-next-line no-control-regex
export const CONTROL = /[\0-\x08\x0b-\x1f\x7f]/;

/** The control plane takes eight. */
const MAX_DEPTH = 16;

class Reader {
  private at = 0;
  private depth = 0;
  /** Names of what may not be there twice: values, and tables with a header. */
  private readonly seen = new Set<string>();
  /** Arrays of tables, with the number of their elements. */
  private readonly counts = new Map<string, number>();

  constructor(private readonly text: string) {}

  document(): TomlDocument {
    const { text } = this;
    const root: Entry[] = [];
    const headers: Header[] = [];
    let table: Path = [];
    let entries = root;
    for (this.blank(); this.at < text.length; this.blank()) {
      if (text[this.at] === "[") {
        const header = this.header();
        headers.push(header);
        ({ path: table, entries } = header);
      } else entries.push(this.entry(table));
      this.endOfLine();
    }
    return { text, entries: root, headers };
  }

  private header(): Header {
    const from = this.at;
    const isArray = this.text.startsWith("[[", from);
    this.at += isArray ? 2 : 1;
    const parts = this.key();
    if (!this.text.startsWith(isArray ? "]]" : "]", this.at)) this.fail("the bracket is not closed");
    this.at += isArray ? 2 : 1;
    let path = this.resolved(parts.map((part) => part.name));
    if (isArray) {
      const index = this.counts.get(nameOf(path)) ?? 0;
      this.counts.set(nameOf(path), index + 1);
      path = [...path, index];
    }
    this.once(path, from);
    return { path, isArray, parts, from, to: this.at, entries: [] };
  }

  /** Inside an array of tables a header means the newest element. */
  private resolved(names: readonly string[]): Path {
    let path: Path = [];
    names.forEach((name, index) => {
      path = [...path, name];
      const count = this.counts.get(nameOf(path));
      if (count !== undefined && index < names.length - 1) path = [...path, count - 1];
    });
    return path;
  }

  private entry(table: Path): Entry {
    const from = this.at;
    const parts = this.key();
    if (this.text[this.at] !== "=") this.fail("there is no '='");
    this.at++;
    this.skip(SPACE);
    const path = [...table, ...parts.map((part) => part.name)];
    this.once(path, from);
    const value = this.value(path);
    return { path, parts, from, to: this.at, value };
  }

  private once(path: Path, at: number): void {
    const name = nameOf(path);
    if (this.seen.has(name)) throw new TomlError("it is there twice", at);
    this.seen.add(name);
  }

  private key(): KeyPart[] {
    const parts: KeyPart[] = [];
    do {
      if (parts.length > 0) this.at++;
      this.skip(SPACE);
      const from = this.at;
      const quote = this.text[from];
      const name = quote === '"' || quote === "'" ? this.line(quote) : this.skip(BARE);
      if (this.at === from) this.fail("there is no key");
      parts.push({ name, from, to: this.at });
      this.skip(SPACE);
    } while (this.text[this.at] === ".");
    return parts;
  }

  private value(path: Path): Node {
    const from = this.at;
    const first = this.text[from];
    if (first === '"' || first === "'") return this.string(first);
    if (first === "[" || first === "{") {
      if (++this.depth > MAX_DEPTH) this.fail("it is nested too deep");
      const found = first === "[" ? this.list(path) : this.table(path);
      this.depth--;
      return found;
    }
    const word = this.skip(SCALAR);
    const place = { from, to: this.at };
    if (word === "true" || word === "false") return { kind: "flag", flag: word === "true", ...place };
    if (DATE.test(word)) return { kind: "date", ...place };
    const plain = word.replace(/_/g, "");
    if (INTEGER.test(word) || FLOAT.test(word)) return { kind: "number", number: Number(plain), ...place };
    throw new TomlError("that is no value", from);
  }

  private string(first: '"' | "'"): Node {
    const from = this.at;
    const long = (first + first + first) as Quote;
    const isLong = this.text.startsWith(long, from);
    const text = isLong ? this.lines(first, long) : this.line(first);
    return { kind: "text", text, quote: isLong ? long : first, from, to: this.at };
  }

  /** A string on one line, of a value or of a key. */
  private line(quote: string): string {
    const from = this.at + 1;
    let to = from;
    for (; this.text[to] !== quote; to++) {
      if (to >= this.text.length || this.text[to] === "\n") this.fail("the quote is not closed");
      if (quote === '"' && this.text[to] === "\\") to++;
    }
    this.at = to + 1;
    return this.meant(this.text.slice(from, to), quote === '"', from);
  }

  private lines(quote: string, long: string): string {
    let from = this.at + 3;
    let to = from;
    for (; !this.text.startsWith(long, to); to++) {
      if (to >= this.text.length) this.fail("the quotes are not closed");
      if (quote === '"' && this.text[to] === "\\") to++;
    }
    for (let more = 0; more < 2 && this.text[to + 3] === quote; more++) to++; // quotes of its own
    this.at = to + 3;
    NEWLINE.lastIndex = from;
    from += NEWLINE.exec(this.text)?.[0].length ?? 0;
    const raw = this.text.slice(from, Math.max(from, to)).replace(/\r\n/g, "\n");
    return this.meant(raw, quote === '"', from);
  }

  private meant(raw: string, hasEscapes: boolean, at: number): string {
    if (CONTROL.test(raw)) throw new TomlError("a control character must be escaped", at);
    if (!hasEscapes || !raw.includes("\\")) return raw;
    return raw.replace(ESCAPE, (whole, four?: string, eight?: string, end?: string, letter = "") => {
      if (end !== undefined) return "";
      const code = four ?? eight;
      if (code !== undefined) return this.character(parseInt(code, 16), at);
      const found = SIMPLE[letter];
      if (found === undefined) throw new TomlError(`${whole} means nothing`, at);
      return found;
    });
  }

  private character(code: number, at: number): string {
    const isNone = code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
    if (isNone) throw new TomlError("there is no such character", at);
    return String.fromCodePoint(code);
  }

  private list(path: Path): Node {
    const from = this.at++;
    const items: Node[] = [];
    for (;;) {
      this.blank();
      if (this.text[this.at] === "]") break;
      items.push(this.value([...path, items.length]));
      this.blank();
      if (this.text[this.at] === ",") this.at++;
      else if (this.text[this.at] !== "]") this.fail("the list is not closed");
    }
    return { kind: "list", items, from, to: ++this.at };
  }

  private table(path: Path): Node {
    const from = this.at++;
    const entries: Entry[] = [];
    this.skip(SPACE);
    for (let isMore = this.text[this.at] !== "}"; isMore; ) {
      this.skip(SPACE);
      entries.push(this.entry(path));
      this.skip(SPACE);
      isMore = this.text[this.at] === ",";
      if (isMore) this.at++;
      else if (this.text[this.at] !== "}") this.fail("the brace is not closed");
    }
    return { kind: "table", entries, from, to: ++this.at };
  }

  /** Spaces, ends of lines and comments. */
  private blank(): void {
    while (this.skip(SPACE) + this.skip(COMMENT) + this.skip(NEWLINE)) continue;
  }

  private endOfLine(): void {
    this.skip(SPACE);
    this.skip(COMMENT);
    if (this.at < this.text.length && !this.skip(NEWLINE)) this.fail("the line goes on");
  }

  private skip(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private fail(message: string): never {
    throw new TomlError(message, this.at);
  }
}
