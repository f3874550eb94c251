import type { Line } from "./lines";

/** Where lines stand in a list whose rows are all equally high; a wrapped line takes several. */
export class Rows {
  /** `starts[i]` is the first row of line i; the last entry is the number of rows. */
  private readonly starts: Uint32Array;

  /** `columns` is how many cells fit into a row, null when lines are not wrapped. */
  constructor(lines: readonly Line[], columns: number | null) {
    this.starts = new Uint32Array(lines.length + 1);
    let row = 0;
    lines.forEach((line, index) => {
      this.starts[index] = row;
      row += rowsOf(line, columns);
    });
    this.starts[lines.length] = row;
  }

  get count(): number {
    return this.starts[this.starts.length - 1] ?? 0;
  }

  /** The first row of a line. */
  startOf(index: number): number {
    return this.starts[index] ?? this.count;
  }

  /** The line that a row belongs to; for a row past the end, the last line. */
  lineAt(row: number): number {
    let low = 0;
    let high = Math.max(0, this.starts.length - 2);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function rowsOf(line: Line, columns: number | null): number {
  return columns === null ? 1 : Math.max(1, Math.ceil(line.cells / columns));
}
