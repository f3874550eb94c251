import type { StreamName } from "@/api/types";
import type { LogLines } from "./lines";
import { Numbers } from "./numbers";
import { Rows } from "./rows";
import type { Steps } from "./slices";

const LINES_A_STEP = 2_048;

/**
 * Which lines are shown, in their order, and in which rows they stand. It is kept up with the log by
 * `extend`, which costs what has come; another stream or width is another layout.
 */
export class Layout {
  readonly rows: Rows;
  /** The numbers of the lines of one stream and of the product's marks; null when all are shown. */
  private readonly numbers: Numbers | null;
  private readonly dropped: number;
  private next: number;
  private unfinished: number[] = [];

  constructor(
    private readonly lines: LogLines,
    readonly stream: StreamName | null,
    readonly columns: number | null,
  ) {
    this.rows = new Rows(columns);
    this.numbers = stream === null ? null : new Numbers();
    this.dropped = lines.dropped;
    this.next = this.dropped + 1;
  }

  /** How many lines are shown, with those that are known to come. */
  get count(): number {
    return Math.max(this.rows.length, this.rows.expected);
  }

  /** Whether lines were dropped since, so that it must be made anew. */
  get isStale(): boolean {
    return this.lines.dropped !== this.dropped;
  }

  /** The number of the line at a place among those shown. */
  numberAt(index: number): number {
    return this.numbers?.at(index) ?? this.dropped + 1 + index;
  }

  /** The place of a line, or of the next one that is shown. */
  indexOf(number: number): number {
    const index = this.numbers?.countBelow(number) ?? number - 1 - this.dropped;
    return Math.max(0, Math.min(index, this.count));
  }

  /** Takes in what the log has got; may be left between two steps and begun again. */
  *extend(): Steps {
    this.remeasure();
    // Of one stream nobody knows how many lines are to come.
    if (!this.numbers) this.rows.expected = Math.max(0, this.lines.expected - this.dropped);
    this.unfinished = this.lines.unfinished;
    let steps = 0;
    while (this.next <= this.lines.last && !this.isStale) {
      const number = this.next++;
      if (this.isShown(number)) {
        this.numbers?.push(number);
        this.rows.push(this.lines.cellsOf(number));
      }
      if (++steps % LINES_A_STEP === 0) yield;
    }
  }

  private isShown(number: number): boolean {
    if (this.stream === null) return true;
    const stream = this.lines.streamOf(number);
    return stream === this.stream || stream === "plumber";
  }

  /** Lines that went on may take more rows now: then all after them stand elsewhere. */
  private remeasure(): void {
    for (const number of this.unfinished) {
      const index = this.indexOf(number);
      if (this.numberAt(index) !== number || index >= this.rows.length) continue;
      if (this.rows.fits(index, this.lines.cellsOf(number))) continue;
      this.rows.truncate(index);
      this.numbers?.truncate(index);
      this.next = Math.min(this.next, number);
    }
  }
}
