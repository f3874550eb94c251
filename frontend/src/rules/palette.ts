/** Something that the command palette finds: a place to go to, or an act. */
export interface Entry {
  /** Its own among all entries. */
  id: string;
  /** What it is listed under; groups come in the order in which they first appear. */
  group: string;
  text: string;
  /** Beside the text, such as an agent's status. */
  aside?: string;
  /** What it is found by too, though it is not shown. */
  words?: string;
  /** Found by the control plane for what was typed, so whether it fits is known. */
  isFound?: boolean;
}

export interface Group<E extends Entry> {
  name: string;
  entries: E[];
}

/**
 * What fits to what was typed: entries that have all its words, whatever the case. Within a group
 * those that begin with it come first, then those with a word that does, else as they came.
 */
export function fitting<E extends Entry>(entries: readonly E[], typed: string): E[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...entries];
  const first = words[0] ?? "";
  return entries
    .filter((entry) => entry.isFound || words.every((word) => searched(entry).includes(word)))
    .map((entry, place) => ({ entry, place, rank: rank(entry.text.toLowerCase(), first) }))
    .sort((one, other) => one.rank - other.rank || one.place - other.place)
    .map(({ entry }) => entry);
}

/** Groups in the order of `entries` as they came, which ranking must not change. */
export function grouped<E extends Entry>(entries: readonly E[], typed: string): Group<E>[] {
  const names = [...new Set(entries.map((entry) => entry.group))];
  const fit = fitting(entries, typed);
  return names
    .map((name) => ({ name, entries: fit.filter((entry) => entry.group === name) }))
    .filter((group) => group.entries.length > 0);
}

function searched({ text, aside = "", words = "" }: Entry): string {
  return `${text} ${aside} ${words}`.toLowerCase();
}

function rank(text: string, word: string): number {
  if (text.startsWith(word)) return 0;
  return text.split(/[\s\-_./:]+/).some((part) => part.startsWith(word)) ? 1 : 2;
}
