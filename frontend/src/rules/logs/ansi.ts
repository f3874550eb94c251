import Anser from "anser";
import { shownText } from "./text";

/** A piece of a line in one look. Colours are CSS values, or null for the ordinary one. */
export interface Span {
  text: string;
  color: string | null;
  background: string | null;
  isBold: boolean;
  isDim: boolean;
  isItalic: boolean;
  isUnderlined: boolean;
  isStruck: boolean;
  /** What a search found. */
  isMatch?: boolean;
}

// eslint-disable-next-line no-control-regex -- escape sequences begin with a control character
const SGR = /\x1b\[([\d;]*)m/g;
const MAX_CARRIED = 200;

/** The escape sequences in force after a line, given those before it. */
export function carryStyle(before: string, line: string): string {
  let style = before;
  for (const [sequence, parameters] of line.matchAll(SGR)) {
    if (/^0*$/.test(parameters ?? "")) style = "";
    else style = /^0*;/.test(parameters ?? "") ? sequence : style + sequence;
  }
  return style.length > MAX_CARRIED ? style.slice(style.lastIndexOf("\x1b")) : style;
}

const PLAIN = {
  color: null,
  background: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
  isStruck: false,
};

/** A line's text in pieces of one look each. */
export function spansOf(style: string, text: string): Span[] {
  if (style === "" && !text.includes("\x1b")) {
    return text === "" ? [] : [{ ...PLAIN, text: shownText(text) }];
  }
  const parts = Anser.ansiToJson(style + shownText(text), { use_classes: true, remove_empty: true });
  return parts.map((part) => {
    const has = (decoration: string) => part.decorations.some((each) => each === decoration);
    return {
      text: part.content,
      color: colorOf(part.fg, part.fg_truecolor),
      background: colorOf(part.bg, part.bg_truecolor),
      isBold: has("bold"),
      isDim: has("dim"),
      isItalic: has("italic"),
      isUnderlined: has("underline"),
      isStruck: has("strikethrough"),
    };
  });
}

/** The pieces again, cut where matches begin and end; `places` are from, to, from, to, … */
export function markMatches(spans: readonly Span[], places: readonly number[]): Span[] {
  if (places.length === 0) return [...spans];
  const marked: Span[] = [];
  let start = 0;
  for (const span of spans) {
    const end = start + span.text.length;
    const cuts = places.filter((place) => place > start && place < end);
    for (const [from, to] of pairs([start, ...cuts, end])) {
      const isMatch = places.findLastIndex((place) => place <= from) % 2 === 0;
      marked.push({ ...span, text: span.text.slice(from - start, to - start), isMatch });
    }
    start = end;
  }
  return marked;
}

function pairs(cuts: readonly number[]): [number, number][] {
  return cuts.slice(1).map((to, index) => [cuts[index] ?? 0, to]);
}

/** Anser's name of a colour as a CSS value: the 16 basic ones follow the theme. */
function colorOf(name: string | null, trueColor: string | null): string | null {
  if (!name) return null;
  if (name === "ansi-truecolor") return trueColor ? `rgb(${trueColor})` : null;
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  return palette ? paletteColor(Number(palette[1])) : `var(--${name})`;
}

/** Colours 16 to 255 of xterm's palette: a cube of 6 steps a side, then 24 greys. */
function paletteColor(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const step = (place: number) => {
    const value = Math.floor((index - 16) / place) % 6;
    return value === 0 ? 0 : 55 + value * 40;
  };
  return `rgb(${step(36)}, ${step(6)}, ${step(1)})`;
}
