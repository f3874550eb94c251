/** A column of a table of rows; its cells are the slot named `key`. */
export interface Column<Row> {
  key: string;
  title: string;
  class?: string;
  /** What it is sorted by, where it can be. */
  order?: (row: Row) => string | number;
  /** What the row is about: on a phone it stands without its title. */
  isHeading?: boolean;
  /** Buttons, which need no title. */
  isActions?: boolean;
}

export interface Sorting {
  column: string;
  isDown: boolean;
}

/** The rows in the order of a column, texts as people would look for them; as they came without one. */
export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorting: Sorting | null,
): readonly Row[] {
  const order = columns.find((each) => each.key === sorting?.column)?.order;
  if (!order || !sorting) return rows;
  const sign = sorting.isDown ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(order(a), order(b)));
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
