/**
 * The tables of a definition as pieces of its text: a header, what is below it, and the comments that
 * touch them. They come, go and change places whole.
 */
import { nameOf, type Header, type Path, type TomlDocument } from "./tomlParse";
import { isWithin } from "./tomlValue";

/** `insert` takes the place of what is between `from` and `to`. */
export interface Change {
  from: number;
  to: number;
  insert: string;
}

/** The text after changes that do not overlap. */
export function changed(text: string, changes: readonly Change[]): string {
  return [...changes]
    .sort((a, b) => b.from - a.from)
    .reduce((now, { from, to, insert }) => now.slice(0, from) + insert + now.slice(to), text);
}

interface Segment {
  from: number;
  /** Behind its last line; what follows up to `to` belongs to the place. */
  end: number;
  to: number;
  header: Header | null;
}

/** The whole text, cut before each header; the first one is what stands above them. */
export function segmentsOf({ text, entries, headers }: TomlDocument): Segment[] {
  const ends = [entries, ...headers.map((each) => [each, ...each.entries])].map((lines) => {
    const last = lines[lines.length - 1];
    return last ? endOfLine(text, last.to) : 0;
  });
  const starts = headers.map((header, index) => {
    return commentAbove(text, startOfLine(text, header.from), ends[index] ?? 0);
  });
  return [null, ...headers].map((header, index) => {
    const to = starts[index] ?? text.length;
    return { from: starts[index - 1] ?? 0, end: commentBelow(text, ends[index] ?? 0, to), to, header };
  });
}

/** Where the lines of comment begin that stand right above a place. */
function commentAbove(text: string, at: number, least: number): number {
  let from = at;
  while (from > least) {
    const line = startOfLine(text, from - 1);
    if (line < least || !text.slice(line, from).trimStart().startsWith("#")) break;
    from = line;
  }
  return from;
}

function commentBelow(text: string, at: number, most: number): number {
  let end = Math.min(at, most);
  while (end + 1 < most && text.slice(end + 1, endOfLine(text, end + 1)).trimStart().startsWith("#")) {
    end = Math.min(most, endOfLine(text, end + 1));
  }
  return end;
}

/** The elements of an array of tables (`["step"]`), or the tables in one (`["Params"]`). */
function groupsOf(document: TomlDocument, around: Path): Segment[][] {
  const groups = new Map<string, Segment[]>();
  for (const segment of segmentsOf(document)) {
    const path = segment.header?.path ?? [];
    if (!segment.header || !isWithin(path, around) || path.length <= around.length) continue;
    const name = nameOf(path.slice(0, around.length + 1));
    groups.set(name, [...(groups.get(name) ?? []), segment]);
  }
  return [...groups.values()];
}

/** How many tables there are that have a header of their own, and so can be moved. */
export function countTables(document: TomlDocument, around: Path): number {
  return groupsOf(document, around).length;
}

/** What a group says; tables of it that stand elsewhere are brought together. */
function bodyOf(text: string, group: readonly Segment[]): string {
  const [first, last] = [group[0], group[group.length - 1]];
  if (!first || !last) return "";
  if (isTogether(group)) return text.slice(first.from, last.end);
  return group.map(({ from, end }) => text.slice(from, end)).join("\n\n");
}

function isTogether(group: readonly Segment[]): boolean {
  return group.every((each, index) => index === 0 || group[index - 1]?.to === each.from);
}

/** Moves one of the tables to another place among them. What stands between places stays there. */
export function moveTable(document: TomlDocument, around: Path, from: number, to: number): string {
  const groups = groupsOf(document, around);
  const order = groups.map((_, index) => index);
  order.splice(to, 0, ...order.splice(from, 1));
  const { text } = document;
  const changes = groups.flatMap((group, place): Change[] => {
    const [first, ...rest] = group;
    const mover = groups[order[place] ?? place];
    if (!first || !mover || mover === group) return [];
    const end = isTogether(group) ? (rest[rest.length - 1] ?? first).end : first.end;
    const insert = apart(bodyOf(text, mover), text.slice(end, end + 2));
    const gone = isTogether(group) ? [] : rest.map((each) => segmentGone(text, each));
    return [{ from: first.from, to: end, insert }, ...gone];
  });
  return changed(text, changes);
}

/** A comment at the end of what moves must not come to stand right above the next table. */
function apart(body: string, behind: string): string {
  const last = body.slice(startOfLine(body, body.length));
  return last.trimStart().startsWith("#") && /^\n\S/.test(behind) ? `${body}\n` : body;
}

/** Takes one of the tables away, with the comments that touch it. */
export function removeTable(document: TomlDocument, around: Path, index: number): string {
  const group = groupsOf(document, around)[index] ?? [];
  return changed(document.text, group.map((each) => segmentGone(document.text, each)));
}

/** The blank lines behind it go too, or at the end of the text those before it. */
export function segmentGone(text: string, { from, end, to }: Segment): Change {
  const behind = text.slice(end, to);
  const next = end + (behind.length - behind.trimStart().length);
  if (next < text.length) return { from, to: next, insert: "" };
  const head = text.slice(0, from).trimEnd();
  return { from: head.length, to: text.length, insert: head === "" ? "" : "\n" };
}

/** Puts a table, written in full, among the others: before the one at `index`, or behind the last. */
export function insertTable(document: TomlDocument, around: Path, index: number, body: string): string {
  const { text } = document;
  const groups = groupsOf(document, around);
  const next = groups[index]?.[0];
  if (next) return changed(text, [{ from: next.from, to: next.from, insert: `${body}\n\n` }]);
  const last = groups[groups.length - 1]?.slice(-1)[0];
  // Parameters stand above the steps, and steps at the end.
  const steps = around[0] === "step" ? undefined : groupsOf(document, ["step"])[0]?.[0];
  if (!last && steps) return changed(text, [{ from: steps.from, to: steps.from, insert: `${body}\n\n` }]);
  const at = last?.end ?? text.trimEnd().length;
  const insert = `${at === 0 ? "" : "\n\n"}${body}${text.slice(at) === "" ? "\n" : ""}`;
  return changed(text, [{ from: at, to: at, insert }]);
}

/** The text of one of the tables, as it is written. */
export function tableText(document: TomlDocument, around: Path, index: number): string {
  return bodyOf(document.text, groupsOf(document, around)[index] ?? []);
}

// --- lines

/** Where the line begins that has this place in it. */
export function startOfLine(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

/** The end of the line, before its newline. */
export function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}
