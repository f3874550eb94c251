/**
 * Changes of a definition that leave every byte alone which they do not mean: comments, order,
 * alignment and ways of quoting stay. Each takes what was parsed and answers the whole new text.
 */
import {
  parseToml,
  type Entry,
  type Node,
  type Path,
  type Quote,
  type TomlDocument,
} from "./tomlParse";
import { changed, endOfLine, segmentGone, segmentsOf, startOfLine, type Change } from "./tomlTables";
import { allEntries, entryAt, formatKey, formatValue, headerAt, isWithin, type Value } from "./tomlValue";

// --- values

/** The keys of the table that a path stands in, in their order. */
export type OrderOf = (path: Path) => readonly string[];
const NO_ORDER: OrderOf = () => [];

/**
 * Gives the key at `path` a value. A key that is new comes where `orderOf` has it; a table that is new
 * is written on one line.
 */
export function setValue(
  document: TomlDocument,
  path: Path,
  value: Value,
  orderOf: OrderOf = NO_ORDER,
): string {
  const { text } = document;
  const entry = entryAt(document, path);
  if (entry) {
    const { from, to } = entry.value;
    const like = entry.value.kind === "text" ? stillFits(entry.value.quote, value) : undefined;
    return changed(text, [{ from, to, insert: formatValue(value, like) }]);
  }
  const table = path.slice(0, -1);
  const key = path[path.length - 1] as string;
  const around = entryAt(document, table);
  if (around?.value.kind === "table") {
    return changed(text, [intoInline(around.value, `${formatKey(key)} = ${formatValue(value)}`)]);
  }
  if (table.length === 0 || headerAt(document, table)) {
    return changed(text, [intoLines(document, table, [key], value, orderOf(path))]);
  }
  const dotted = dottedIn(document, table);
  if (dotted) {
    const parts = [...dotted.own, key];
    return changed(text, [lineBelow(document, dotted.entry, formatLine(parts, value, 0))]);
  }
  return setValue(document, table, { [key]: value }, orderOf);
}

/** A text that has come to have several lines is not quoted as one line any more. */
function stillFits(quote: Quote, value: Value): Quote | undefined {
  return quote.length === 1 && typeof value === "string" && value.includes("\n") ? undefined : quote;
}

function intoInline(table: Node & { kind: "table" }, pair: string): Change {
  const last = table.entries[table.entries.length - 1];
  if (!last) return { from: table.from, to: table.to, insert: `{ ${pair} }` };
  return { from: last.to, to: last.to, insert: `, ${pair}` };
}

/** The last entry that makes a table by dots, as `Targets.Group` makes `Targets`. */
function dottedIn(document: TomlDocument, table: Path): { entry: Entry; own: string[] } | null {
  const found = [...allEntries(document)]
    .filter(({ path, parts }) => {
      const depth = path.length - parts.length;
      return isWithin(path, table) && path.length > table.length && depth < table.length;
    })
    .pop();
  if (!found) return null;
  const own = found.parts.slice(0, table.length - (found.path.length - found.parts.length));
  return { entry: found, own: own.map((part) => part.name) };
}

/** A new line in a table with a header, or above the first one. */
function intoLines(
  document: TomlDocument,
  table: Path,
  parts: readonly string[],
  value: Value,
  order: readonly string[],
): Change {
  const header = headerAt(document, table);
  const entries = header?.entries ?? document.entries;
  const line = formatLine(parts, value, columnOf(document.text, entries));
  const rank = order.indexOf(parts[0] ?? "");
  const before = entries.filter(({ parts: [first] }) => rank < 0 || order.indexOf(first?.name ?? "") < rank);
  const last = before[before.length - 1];
  if (last) return lineBelow(document, last, line);
  const at = header ? endOfLine(document.text, header.to) : startOfRoot(document);
  if (header) return { from: at, to: at, insert: `\n${line}` };
  const isAlone = entries.length === 0 && document.text.slice(at).trim() !== "";
  return { from: at, to: at, insert: isAlone ? `${line}\n\n` : `${line}\n` };
}

/** Above the first key; without one, above the first table. */
function startOfRoot(document: TomlDocument): number {
  const first = document.entries[0];
  if (first) return startOfLine(document.text, first.from);
  return segmentsOf(document)[1]?.from ?? document.text.length;
}

function lineBelow({ text }: TomlDocument, entry: Entry, line: string): Change {
  const at = endOfLine(text, entry.to);
  return { from: at, to: at, insert: `\n${line}` };
}

function formatLine(parts: readonly string[], value: Value, column: number): string {
  return `${parts.map(formatKey).join(".").padEnd(column)} = ${formatValue(value)}`;
}

/** How wide keys are written where their signs stand below each other; else 0. */
function columnOf(text: string, entries: readonly Entry[]): number {
  const columns = entries.map(({ from, parts }) => {
    const end = parts[parts.length - 1]?.to ?? from;
    return text.indexOf("=", end) - from;
  });
  const isAligned = columns.length > 1 && columns.every((column) => column === columns[0]);
  return isAligned ? (columns[0] ?? 1) - 1 : 0;
}

/**
 * Makes the list at `path` have these texts; those that stay keep their place and their comments. A
 * single text in place of a list stays one as long as `mayBeOne`.
 */
export function setItems(
  document: TomlDocument,
  path: Path,
  items: readonly string[],
  orderOf: OrderOf = NO_ORDER,
  mayBeOne = false,
): string {
  const node = entryAt(document, path)?.value;
  const [only] = items;
  const isOne = mayBeOne && items.length === 1 && only !== undefined;
  if (isOne && node?.kind !== "list") return setValue(document, path, only, orderOf);
  if (node?.kind !== "list") return setValue(document, path, [...items], orderOf);
  const old = node.items.map((each) => (each.kind === "text" ? each.text : null));
  let start = 0;
  while (start < old.length && start < items.length && old[start] === items[start]) start++;
  let oldEnd = old.length;
  let newEnd = items.length;
  while (oldEnd > start && newEnd > start && old[oldEnd - 1] === items[newEnd - 1]) {
    oldEnd--;
    newEnd--;
  }
  const both = Math.min(oldEnd, newEnd);
  const changes = range(start, both).map((at) => inPlace(node.items[at] as Node, items[at] ?? ""));
  const more = items.slice(both, newEnd).map((each) => formatValue(each, '"'));
  const gone = range(both, oldEnd).map((at) => without(document.text, node, at));
  return changed(document.text, [...changes, ...gone, ...added(node, both, more)]);
}

function inPlace(node: Node, text: string): Change {
  return { from: node.from, to: node.to, insert: formatValue(text, node.kind === "text" ? node.quote : '"') };
}

function added(list: Node & { kind: "list" }, at: number, more: readonly string[]): Change[] {
  if (more.length === 0) return [];
  const next = list.items[at];
  const last = list.items[at - 1];
  if (next) return [{ from: next.from, to: next.from, insert: `${more.join(", ")}, ` }];
  if (last) return [{ from: last.to, to: last.to, insert: `, ${more.join(", ")}` }];
  return [{ from: list.from + 1, to: list.from + 1, insert: more.join(", ") }];
}

/** An item goes with its comma; what stands around them stays. */
function without(text: string, list: Node & { kind: "list" }, at: number): Change {
  const { from, to } = list.items[at] as Node;
  const comma = commaBehind(text, to);
  if (comma !== null) return { from, to: spacesBehind(text, comma + 1), insert: "" };
  const before = list.items[at - 1];
  const first = before ? commaBehind(text, before.to) : null;
  // Where the one before it goes too, its comma goes with that one.
  if (first === null || text.slice(first + 1, from).trim() !== "") return { from, to, insert: "" };
  return { from: first, to, insert: "" };
}

/** The comma after an item; comments may stand before it. */
function commaBehind(text: string, from: number): number | null {
  const found = /^(?:\s|#[^\n]*\n)*,/.exec(text.slice(from, from + 4_096));
  return found ? from + found[0].length - 1 : null;
}

function spacesBehind(text: string, from: number): number {
  return from + (/^[ \t]*/.exec(text.slice(from))?.[0].length ?? 0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

// --- keys

/** Takes the key away, however it is written, and a table on one line that is empty then. */
export function removeKey(document: TomlDocument, path: Path): string {
  const headers = document.headers.filter((each) => isWithin(each.path, path));
  const dotted = [...allEntries(document)].filter((each) => {
    return isWithin(each.path, path) && each.path.length - each.parts.length < path.length;
  });
  const doomed = headers.flatMap((header) => {
    const segment = segmentsOf(document).find((each) => each.header === header);
    return segment ? [segmentGone(document.text, segment)] : [];
  });
  const text = changed(document.text, [...doomed, ...dotted.map((each) => entryGone(document, each))]);
  const table = path.slice(0, -1);
  const left = entryAt(parseToml(text), table)?.value;
  const isEmpty = left?.kind === "table" && left.entries.length === 0;
  return isEmpty ? removeKey(parseToml(text), table) : text;
}

function entryGone(document: TomlDocument, entry: Entry): Change {
  const { text } = document;
  const table = entry.path.slice(0, entry.path.length - entry.parts.length);
  const around = entryAt(document, table)?.value ?? listItem(document, table);
  if (around?.kind !== "table") {
    const from = startOfLine(text, entry.from);
    const end = endOfLine(text, entry.to);
    const isLast = end >= text.length;
    return { from: isLast && from > 0 ? from - 1 : from, to: isLast ? end : end + 1, insert: "" };
  }
  const at = around.entries.indexOf(entry);
  const next = around.entries[at + 1];
  const before = around.entries[at - 1];
  if (next) return { from: entry.from, to: next.from, insert: "" };
  return { from: before?.to ?? entry.from, to: entry.to, insert: "" };
}

/** An inline table that is an item of a list. */
function listItem(document: TomlDocument, path: Path): Node | undefined {
  const index = path[path.length - 1];
  const list = typeof index === "number" ? entryAt(document, path.slice(0, -1))?.value : undefined;
  return list?.kind === "list" ? list.items[index as number] : undefined;
}

/** Gives a key another name, wherever it is written. */
export function renameKey(document: TomlDocument, path: Path, name: string): string {
  const insert = formatKey(name);
  const isName = (part: string | number) => typeof part === "string";
  const entries = [...allEntries(document)].flatMap((each) => {
    const at = path.length - 1 - (each.path.length - each.parts.length);
    return isWithin(each.path, path) ? each.parts.slice(Math.max(0, at), Math.max(0, at + 1)) : [];
  });
  const headers = document.headers.flatMap((each) => {
    const at = path.filter(isName).length - 1;
    return isWithin(each.path, path) ? each.parts.slice(at, at + 1) : [];
  });
  return changed(document.text, [...entries, ...headers].map(({ from, to }) => ({ from, to, insert })));
}
