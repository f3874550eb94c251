import type { StreamName } from "@/api/types";
import { t } from "@/locales";
import type { LogLines } from "./lines";
import { Numbers } from "./numbers";
import type { Steps } from "./slices";

/** What to look for. */
export interface Query {
  text: string;
  isRegex: boolean;
  ignoresCase: boolean;
}

/** The query as a regular expression, null when it is empty. Raises SyntaxError, in words. */
export function compile({ text, isRegex, ignoresCase }: Query): RegExp | null {
  if (text === "") return null;
  const source = isRegex ? text : text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  try {
    return new RegExp(source, ignoresCase ? "gi" : "g");
  } catch (error) {
    const said = error instanceof Error ? error.message : "";
    const reason = said.slice(said.lastIndexOf(": ") + 2).toLowerCase();
    throw new SyntaxError(t("search.noRegex", { reason }), { cause: error });
  }
}

/** Where an expression with the flag `g` matches in a text: from, to, from, to, … */
export function matchesIn(pattern: RegExp, text: string): number[] {
  const places: number[] = [];
  for (const match of text.matchAll(pattern)) {
    if (match[0] !== "") places.push(match.index, match.index + match[0].length);
  }
  return places;
}

const LINES_A_STEP = 128;
const CHARACTERS_A_STEP = 20_000;

/** The lines of a log that match, found step by step and kept up with the log as it grows. */
export class Search {
  /** The numbers of the lines that match, ascending. */
  readonly found = new Numbers();
  /** Up to where it has come. */
  private next: number;
  private unfinished: number[] = [];

  /** `stream` is the one that is shown, null when all are. */
  constructor(
    private readonly lines: LogLines,
    readonly pattern: RegExp,
    private readonly stream: StreamName | null,
  ) {
    this.next = lines.dropped + 1;
  }

  /** Looks through what it has not seen; may be left between two steps and begun again. */
  *run(): Steps {
    for (const number of this.unfinished) if (this.matches(number)) this.found.insert(number);
    this.unfinished = this.lines.unfinished;
    let lines = 0;
    let characters = 0;
    while (this.next <= this.lines.last) {
      const number = Math.max(this.next, this.lines.dropped + 1);
      this.next = number + 1;
      characters += this.lines.cellsOf(number);
      if (this.matches(number)) this.found.push(number);
      if (++lines < LINES_A_STEP && characters < CHARACTERS_A_STEP) continue;
      lines = characters = 0;
      yield;
    }
  }

  /** How many of the lines found are before this one. */
  countBefore(number: number): number {
    return this.found.countBelow(number);
  }

  private matches(number: number): boolean {
    if (this.stream !== null) {
      const stream = this.lines.streamOf(number);
      if (stream !== this.stream && stream !== "plumber") return false;
    }
    this.pattern.lastIndex = 0;
    return this.pattern.test(this.lines.plain(number));
  }
}
