import { KEYS, type TableName } from "./keys";

/** What stands at a place of a definition that may be half written. */
export type Context =
  | { kind: "header"; from: number }
  | { kind: "key"; table: TableName; from: number; taken: string[] }
  | { kind: "value"; table: TableName; key: string; from: number; isQuoted: boolean };

const STRING = /"""(?:\\[^]|[^\\])*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|#[^\n]*/g;
const HEADER = /^[ \t]*\[{1,2}[ \t]*([^\]\n]*?)[ \t]*\]/;
const WORD = /[A-Za-z0-9_-]*$/;

/** What could be written at a place: a header, a key of a table, or a value; null for anything else. */
export function contextAt(text: string, at: number): Context | null {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  if (isInText(text, start)) return null;
  const before = text.slice(start, at);
  if (isComment(before)) return null;
  if (/^[ \t]*\[{1,2}[^\]=]*$/.test(before)) return { kind: "header", from: start + before.search(/\S|$/) };
  const around = headerAbove(text, start);
  const inner = innermost(before);
  const table = inner.key === null ? tableNamed(around) : tableBelow(around, inner.key);
  const written = inner.text;
  const from = at - written.length;
  const value = /^\s*([\w.-]+)\s*=\s*(.*)$/.exec(written);
  if (value) return valueAt(table, around, value[1] ?? "", value[2] ?? "", at);
  const word = WORD.exec(written)?.[0] ?? "";
  const parts = written.trim().split(".");
  const dotted = parts.length > 1 ? tableBelow(around, parts[0] ?? "") : table;
  if (dotted === null || !/^[\w.-]*$/.test(written.trim())) return null;
  const taken = inner.key === null && parts.length === 1 ? keysAround(text, start) : keysIn(text.slice(0, from), text.slice(from));
  return { kind: "key", table: dotted, from: at - word.length, taken };
}

/** The key that is written over this place, with its table; null elsewhere. */
export function keyOver(text: string, at: number): { table: TableName; key: string; from: number; to: number } | null {
  let from = at;
  let to = at;
  while (/[\w-]/.test(text[from - 1] ?? "")) from--;
  while (/[\w-]/.test(text[to] ?? "")) to++;
  const key = text.slice(from, to);
  if (key === "" || isInString(text, from)) return null;
  const header = HEADER.exec(text.slice(text.lastIndexOf("\n", from - 1) + 1));
  if (header && !text.slice(to, text.indexOf("\n", to) + 1 || undefined).includes("=")) {
    const [first, last] = [header[1]?.split(".")[0], header[1]?.split(".").pop()];
    if (key === first && (key === "step" || key === "Params")) return { table: "task", key, from, to };
    return key === last && key in KEYS.step && first === "step" ? { table: "step", key, from, to } : null;
  }
  const context = contextAt(text, from);
  if (context?.kind !== "key" || !Object.keys(KEYS[context.table]).includes(key)) return null;
  return { table: context.table, key, from, to };
}

function valueAt(table: TableName | null, around: string[], name: string, written: string, at: number): Context | null {
  const parts = name.split(".");
  const key = parts[parts.length - 1] ?? "";
  const owner = parts.length > 1 ? tableBelow(around, parts[0] ?? "") : table;
  if (owner === null) return null;
  const item = /(?:^|[[,])\s*(["']?)([^"',[\]{}]*)$/.exec(written);
  if (!item) return null;
  return { kind: "value", table: owner, key, from: at - (item[2]?.length ?? 0), isQuoted: item[1] !== "" };
}

/** Whether a line begins inside of a text of several lines. */
function isInText(text: string, start: number): boolean {
  return [...text.matchAll(STRING)].some(({ 0: found, index }) => index < start && index + found.length > start);
}

function isInString(text: string, at: number): boolean {
  return [...text.matchAll(STRING)].some(({ 0: found, index }) => index < at && index + found.length > at);
}

function isComment(before: string): boolean {
  return before.replace(STRING, (found) => (found.startsWith("#") ? "#" : "s".repeat(found.length))).includes("#");
}

/** The header that a line stands below, as its parts. */
function headerAbove(text: string, start: number): string[] {
  const lines = plain(text.slice(0, start)).split("\n");
  for (let index = lines.length - 1; index >= 0; index--) {
    const found = HEADER.exec(lines[index] ?? "");
    if (found) return (found[1] ?? "").split(".").map((part) => part.trim());
  }
  return [];
}

function plain(text: string): string {
  return text.replace(STRING, (found) => found.replace(/[^\n]/g, "s"));
}

/** The innermost table in braces that is not closed, with its key; the line itself without one. */
function innermost(before: string): { key: string | null; text: string } {
  const shape = plain(before);
  const open: number[] = [];
  for (let at = 0; at < shape.length; at++) {
    if (shape[at] === "{") open.push(at);
    if (shape[at] === "}") open.pop();
  }
  const last = open[open.length - 1];
  if (last === undefined) return { key: null, text: before };
  const key = /([\w.-]+)\s*=\s*$/.exec(shape.slice(0, last))?.[1] ?? "";
  let from = last + 1;
  for (let at = from, depth = 0; at < shape.length; at++) {
    if (shape[at] === "[" || shape[at] === "{") depth++;
    if (shape[at] === "]" || shape[at] === "}") depth--;
    if (shape[at] === "," && depth === 0) from = at + 1;
  }
  return { key, text: before.slice(from) };
}

function tableNamed(header: string[]): TableName | null {
  const [first, second] = header;
  if (first === undefined) return "task";
  if (header.length === 1 && first === "step") return "step";
  if (header.length === 2 && first === "Params") return "param";
  return header.length === 2 && first === "step" && second === "Targets" ? "targets" : null;
}

function tableBelow(header: string[], key: string): TableName | null {
  return tableNamed([...header, ...key.split(".")]);
}

/** The keys that the table of a line has already, on other lines. */
function keysAround(text: string, start: number): string[] {
  const before = plain(text.slice(0, start)).split("\n");
  const end = text.indexOf("\n", start);
  const behind = end === -1 ? [] : plain(text.slice(end + 1)).split("\n");
  const isHeader = (line: string) => HEADER.test(line);
  const head = before.reverse();
  const own = [...head.slice(0, cut(head, isHeader)), ...behind.slice(0, cut(behind, isHeader))];
  return own.flatMap((line) => /^\s*([\w-]+)\s*[=.]/.exec(line)?.[1] ?? []);
}

function cut(lines: string[], isEnd: (line: string) => boolean): number {
  const at = lines.findIndex(isEnd);
  return at < 0 ? lines.length : at;
}

/** The keys of a table in braces, around a place in it. */
function keysIn(before: string, behind: string): string[] {
  const inside = `${before.slice(before.lastIndexOf("{"))}\0${behind.split("}")[0] ?? ""}`;
  return [...inside.matchAll(/[{,]\s*([\w-]+)\s*=/g)].map((found) => found[1] ?? "");
}
