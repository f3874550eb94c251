import { CONTROL, nameOf, type Entry, type Header, type Node, type Path, type Quote, type TomlDocument } from "./tomlParse";

/** What a definition says, without places. A date, which means nothing in a task, is null. */
export type Value = string | number | boolean | null | Value[] | Table;
export interface Table {
  [key: string]: Value;
}

/** What the whole text says. Tables have no prototype, so that any key is only a key. */
export function valueOf({ entries, headers }: TomlDocument): Table {
  const root = empty();
  fill(root, entries, 0);
  for (const header of headers) fill(tableAt(root, header.path), header.entries, header.path.length);
  return root;
}

function empty(): Table {
  return Object.create(null) as Table;
}

function fill(table: Table, entries: readonly Entry[], depth: number): void {
  for (const { path, value } of entries) {
    const own = path.slice(depth);
    const around = tableAt(table, own.slice(0, -1));
    around[own[own.length - 1] as string] = plain(value);
  }
}

/** The table at a path, made where there is none. */
function tableAt(root: Table, path: Path): Table {
  let around: Table | Value[] = root;
  path.forEach((part, index) => {
    const fresh: Table | Value[] = typeof path[index + 1] === "number" ? [] : empty();
    const holder = around as Record<string | number, Value | undefined>;
    const found: Value | undefined = holder[part];
    around = typeof found === "object" && found !== null ? found : fresh;
    holder[part] = around;
  });
  return around as Table;
}

function plain(node: Node): Value {
  if (node.kind === "text") return node.text;
  if (node.kind === "number") return node.number;
  if (node.kind === "flag") return node.flag;
  if (node.kind === "date") return null;
  if (node.kind === "list") return node.items.map(plain);
  const table = empty();
  const depth = (node.entries[0]?.path.length ?? 0) - (node.entries[0]?.parts.length ?? 0);
  fill(table, node.entries, depth);
  return table;
}

/** All entries, those of inline tables too. */
export function* allEntries({ entries, headers }: TomlDocument): Generator<Entry> {
  yield* withInner(entries);
  for (const header of headers) yield* withInner(header.entries);
}

function* withInner(entries: readonly Entry[]): Generator<Entry> {
  for (const entry of entries) {
    yield entry;
    yield* inside(entry.value);
  }
}

function* inside(node: Node): Generator<Entry> {
  if (node.kind === "table") yield* withInner(node.entries);
  if (node.kind === "list") for (const item of node.items) yield* inside(item);
}

export function entryAt(document: TomlDocument, path: Path): Entry | undefined {
  const name = nameOf(path);
  for (const entry of allEntries(document)) if (nameOf(entry.path) === name) return entry;
  return undefined;
}

export function headerAt(document: TomlDocument, path: Path): Header | undefined {
  const name = nameOf(path);
  return document.headers.find((each) => nameOf(each.path) === name);
}

export function isWithin(path: Path, around: Path): boolean {
  return path.length >= around.length && around.every((part, index) => part === path[index]);
}

// --- written

/** A value as TOML, on one line but for texts of several lines. `like` is how it was quoted before. */
export function formatValue(value: Value, like?: Quote): string {
  if (typeof value === "string") return formatText(value, like);
  if (Array.isArray(value)) return `[${value.map((each) => formatValue(each, '"')).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, each]) => `${formatKey(key)} = ${formatValue(each, '"')}`);
    return pairs.length > 0 ? `{ ${pairs.join(", ")} }` : "{}";
  }
  return String(value);
}

export function formatKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : basic(key);
}

/**
 * As it was quoted, where that can hold the text; several lines between three quotes; what has quotes
 * or backslashes as it is typed, where that can be.
 */
function formatText(text: string, like?: Quote): string {
  const isPlain = !CONTROL.test(text);
  const isLiteral = isPlain && !text.includes("'");
  const isLong = like === "'''" || like === '"""' || (like === undefined && text.includes("\n"));
  const isLongLiteral = isPlain && !text.includes("'''") && !text.endsWith("'");
  if (isLong && like !== '"""' && isLongLiteral) return `'''${startOfLine(text)}${text}'''`;
  if (isLong && isPlain) return `"""${startOfLine(text)}${longEscaped(text)}"""`;
  if (isLiteral && !text.includes("\n") && (like === "'" || (like === undefined && /["\\]/.test(text)))) {
    return `'${text}'`;
  }
  return basic(text);
}

/** TOML drops a newline that follows the quotes: so one that is meant needs another. */
function startOfLine(text: string): string {
  return text.includes("\n") ? "\n" : "";
}

function longEscaped(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/"""/g, '""\\"').replace(/"$/, '\\"');
}

const ESCAPES: Record<string, string> = {
  "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}; // prettier-ignore

function basic(text: string): string {
  // eslint-disable-next-line no-control-regex
  const escaped = text.replace(/["\\\0-\x1f\x7f]/g, (found) => {
    return ESCAPES[found] ?? `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}
