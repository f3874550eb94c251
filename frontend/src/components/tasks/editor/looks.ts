import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { EditorView, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colors = HighlightStyle.define([
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.propertyName, tags.variableName], color: "var(--accent)" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.atom], color: "var(--idle)" },
  { tag: tags.bracket, color: "var(--warn)" },
]);

const look = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--ink)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-code)", lineHeight: "20px" },
  ".cm-content": { padding: "10px 0", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--ink-tint)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { background: "var(--selection) !important" },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
    borderRadius: "6px",
    maxWidth: "36rem",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-code)", maxHeight: "16rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--accent-fill)",
    color: "var(--on-fill)",
  },
  ".cm-completionDetail": { fontFamily: "var(--font-ui)", fontStyle: "normal", opacity: "0.8" },
  ".cm-tooltip.cm-completionInfo, .cm-help": {
    padding: "6px 10px",
    fontFamily: "var(--font-ui)",
    maxWidth: "22rem",
    lineHeight: "1.45",
  },
  ".cm-help b": { fontWeight: "600" },
  ".cm-help p": { color: "var(--muted)" },
  ".cm-changedText, &.cm-merge-b .cm-changedText": { background: "var(--good-tint)" },
  ".cm-changedLine, .cm-insertedLine": { backgroundColor: "var(--good-tint) !important" },
  ".cm-deletedChunk": { backgroundColor: "var(--bad-tint) !important", paddingLeft: "6px" },
  ".cm-deletedChunk .cm-deletedText, .cm-deletedChunk del": { background: "transparent", textDecoration: "none" },
  ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: "none" },
  ".cm-collapsedLines": {
    background: "var(--sunken)",
    color: "var(--muted)",
    padding: "4px 10px",
    fontFamily: "var(--font-ui)",
  },
});

/** How a definition looks, whether it is written or compared. */
export const looks = [
  lineNumbers(),
  StreamLanguage.define(toml),
  syntaxHighlighting(colors),
  look,
];
