type Cell = string | number | null;

/**
 * Rows as CSV (RFC 4180), with a byte order mark, by which spreadsheets know that it is UTF-8. What a
 * spreadsheet would take for a formula begins with an apostrophe: names come from anybody.
 */
export function toCsv(rows: readonly (readonly Cell[])[]): string {
  return `\uFEFF${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function cell(value: Cell): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
