import { Numbers } from "./numbers";

/**
 * Where lines stand in a list whose rows are all equally high; a wrapped line takes several.
 * Lines are added at the end, so that a longer log costs only what has come.
 */
export class Rows {
  /** How many lines there are. */
  length = 0;
  /** How many there will be: of those that have not come each stands in one row. */
  expected = 0;
  /** The first row of each line; where nothing is wrapped that is the line's own index. */
  private readonly starts = new Numbers();
  private end = 0;

  /** `columns` is how many cells fit into a row, null when lines are not wrapped. */
  constructor(readonly columns: number | null) {}

  /** How many rows all lines take. */
  get count(): number {
    return this.known + this.ahead;
  }

  /** How many rows the lines that are there take. */
  private get known(): number {
    return this.columns === null ? this.length : this.end;
  }

  private get ahead(): number {
    return Math.max(0, this.expected - this.length);
  }

  /** Adds a line that is so many cells wide. */
  push(cells: number): void {
    this.length++;
    if (this.columns === null) return;
    this.starts.push(this.end);
    this.end += rowsOf(cells, this.columns);
  }

  /** Takes away all lines from an index on. */
  truncate(index: number): void {
    if (index >= this.length) return;
    this.end = this.starts.at(index);
    this.starts.truncate(index);
    this.length = index;
  }

  /** Whether a line that is so many cells wide would take the rows that this one has. */
  fits(index: number, cells: number): boolean {
    if (this.columns === null) return true;
    return this.startOf(index + 1) - this.startOf(index) === rowsOf(cells, this.columns);
  }

  /** The first row of a line; past the last line, the number of rows. */
  startOf(index: number): number {
    if (index >= this.length) return this.known + Math.min(index - this.length, this.ahead);
    return this.columns === null ? index : this.starts.at(index);
  }

  /** The line that a row belongs to; for a row past the end, the last line. */
  lineAt(row: number): number {
    if (row >= this.known && this.ahead > 0) {
      return this.length + Math.min(row - this.known, this.ahead - 1);
    }
    const last = Math.max(0, this.length - 1);
    if (this.columns === null) return Math.min(row, last);
    return Math.max(0, this.starts.countBelow(row + 1) - 1);
  }
}

function rowsOf(cells: number, columns: number): number {
  return Math.max(1, Math.ceil(cells / columns));
}
