/** How long the second key of a pair is waited for. */
const PAIR_MS = 1_500;

/** Where `g` and a letter lead. */
export const PLACES: Readonly<Record<string, string>> = {
  o: "/",
  r: "/runs",
  t: "/tasks",
  s: "/schedules",
  a: "/agents",
  c: "/command",
};

/** The keys that lead to a page, one after the other; none where there are none. */
export function keysTo(path: string): string[] {
  const key = Object.keys(PLACES).find((each) => PLACES[each] === path);
  return key === undefined ? [] : ["g", key];
}

/** What a key means where nobody is typing. */
export type Meaning =
  | { kind: "go"; to: string }
  | { kind: "row"; by: 1 | -1 }
  | { kind: "help" }
  /** What the page itself has on a key: `aria-keyshortcuts` of one of its elements. */
  | { kind: "page"; key: string };

/** Understands keys one after another; `at` are milliseconds of any clock. Null means nothing yet. */
export function createReader(): (key: string, at: number) => Meaning | null {
  let leadAt = -Infinity;
  return (key, at) => {
    const isPair = at - leadAt <= PAIR_MS;
    leadAt = -Infinity;
    if (isPair) {
      const to = PLACES[key];
      return to === undefined ? null : { kind: "go", to };
    }
    if (key === "g") {
      leadAt = at;
      return null;
    }
    if (key === "?") return { kind: "help" };
    if (key === "j" || key === "k") return { kind: "row", by: key === "j" ? 1 : -1 };
    return key.length === 1 ? { kind: "page", key } : null;
  };
}

/** Whether what has the focus takes letters for itself: a field, an editor, a list that is typed in. */
export function takesLetters(element: Element | null): boolean {
  if (!(element instanceof HTMLElement)) return false;
  if (element.isContentEditable) return true;
  if (element.closest("[role=listbox], [role=menu], [role=dialog], [role=alertdialog]")) return true;
  if (element instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(element.type);
  return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}

/** The element of the page that has this key, if it can be used now. */
export function elementOf(key: string, page: ParentNode): HTMLElement | null {
  const found = [...page.querySelectorAll<HTMLElement>("[aria-keyshortcuts]")];
  const fits = (each: HTMLElement) => each.getAttribute("aria-keyshortcuts") === key;
  return found.find((each) => fits(each) && !each.matches(":disabled")) ?? null;
}

/** Keys of the page with what they are for, in the order of the page. */
export function keysOf(page: ParentNode): { key: string; text: string }[] {
  return [...page.querySelectorAll<HTMLElement>("[aria-keyshortcuts]")]
    .filter((each) => !each.matches(":disabled"))
    .map((each) => ({ key: each.getAttribute("aria-keyshortcuts") ?? "", text: nameOf(each) }));
}

function nameOf(element: HTMLElement): string {
  const given = element.getAttribute("aria-label") ?? element.getAttribute("placeholder");
  return (given ?? element.textContent).trim();
}

/** The link of the next row of the page's lists, from the row that has the focus or from outside. */
export function neighbour(page: ParentNode, focused: Element | null, by: 1 | -1): HTMLElement | null {
  const links = [...page.querySelectorAll("tbody tr, [data-row]")]
    .map((row) => row.querySelector<HTMLElement>("a[href]"))
    .filter((link) => link !== null);
  const row = focused?.closest("tbody tr, [data-row]");
  const at = links.findIndex((link) => row?.contains(link));
  if (at < 0) return (by > 0 ? links[0] : links[links.length - 1]) ?? null;
  return links[at + by] ?? null;
}
