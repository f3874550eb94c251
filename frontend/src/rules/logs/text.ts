const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
/* eslint-disable no-control-regex -- control characters are what this file is about */
/** Colours and styles: the only escape sequences that are shown. */
const STYLES = /\x1b\[[\d;:]*m/g;
/** All the others: window titles, cursor movement, character sets, and what is cut or none at all. */
const OTHER_ESCAPES =
  /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -/]*[@-ln-~]|\x1b\[[<=>?][0-?]*[ -/]*m|\x1b[()*+#%][\s\S]?|\x1b[^[\]()*+#%\x1b]|\x1b(?!\[[\d;:]*m)\[?/g;
const CONTROL = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;
/* eslint-enable no-control-regex */
const TAB_CELLS = 8;
/** East Asian wide characters and emoji take two cells; good enough to wrap by. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/gu;
const ZERO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/gu;

/**
 * A line as a terminal would leave it, with its colours still in it: what a carriage return went
 * back over is gone, tabs are spaces, other control characters have a visible picture.
 */
export function shownText(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  const shown = afterReturns(text).replace(OTHER_ESCAPES, "").replace(CONTROL, picture);
  return shown.includes("\t") ? expandTabs(shown) : shown;
}

/** A line without its colours. */
export function plainText(text: string): string {
  return PRINTABLE_ASCII.test(text) ? text : shownText(text).replace(STYLES, "");
}

/** How many cells of a fixed-width font a plain text takes. */
export function cellsOf(plain: string): number {
  if (PRINTABLE_ASCII.test(plain)) return plain.length;
  const characters = [...plain.replace(ZERO_WIDTH, "")].length;
  return characters + (plain.match(WIDE)?.length ?? 0);
}

function afterReturns(text: string): string {
  const parts = text.split("\r").filter((part) => part !== "");
  if (parts.length <= 1) return parts[0] ?? "";
  // Colours that were set before the return stay in force.
  const styles = parts.slice(0, -1).join("").match(STYLES)?.join("") ?? "";
  return styles + parts[parts.length - 1];
}

function picture(character: string): string {
  const code = character.charCodeAt(0);
  return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
}

function expandTabs(text: string): string {
  let column = 0;
  // Split with a group: styles are at the odd places and take no cells.
  const parts = text.split(new RegExp(`(${STYLES.source})`));
  return parts.map((part, index) => (index % 2 === 1 ? part : expand(part))).join("");

  function expand(part: string): string {
    let expanded = "";
    for (const character of part) {
      const width = character === "\t" ? TAB_CELLS - (column % TAB_CELLS) : 1;
      expanded += character === "\t" ? " ".repeat(width) : character;
      column += width;
    }
    return expanded;
  }
}
