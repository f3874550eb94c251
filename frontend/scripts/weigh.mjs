/**
 * Runs after the build: fails when a file is not text, which API Gateway would not hand on unharmed
 * (see chalicelib/api/panel.py), when the first load is over its budget, or when a style or script
 * needs a younger browser than the panel is for. Prints what it found.
 */
import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const PANEL = fileURLToPath(new URL("../../chalicelib/panel/", import.meta.url));
const TEXT = new Set([".html", ".js", ".css", ".svg"]);
const BUDGET_BYTES = 250 * 1024;
/** What is fetched only when it is wanted. */
const LAZY = {
  "the other pages": /^further-/,
  "the editor": /^(TomlEditor|looks)-/,
  "the step builder": /^TaskBuilder-/,
  "comparing revisions": /^DefinitionDiff-/,
  "a chart": /^(ChartCanvas|uPlot)-/,
  "the gallery": /^GalleryPage-/,
  "another language": /^_messages_/,
};
/** What Chrome 90, Firefox 88 and Safari 14 would drop, with what is around it. */
const TOO_YOUNG = {
  ".css": [/@layer\b/, /light-dark\(/, /\boklch\(/, /@container\b/, /\(width\s*[<>]/, /[^-]translate:/],
  ".js": [/\(\?<[=!]/, /\bstructuredClone\(/, /crypto\.randomUUID\(/],
};

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
const sum = (files) => files.reduce((total, { bytes }) => total + bytes, 0);

const names = readdirSync(join(PANEL, "assets"));
for (const name of names) {
  const kind = extname(name);
  if (!TEXT.has(kind)) {
    fail(`${name} is not text. Import it with ?inline, so that it becomes a part of what names it.`);
  }
  const text = readFileSync(join(PANEL, "assets", name), "utf8");
  for (const pattern of TOO_YOUNG[kind] ?? []) {
    const found = pattern.exec(text);
    if (found) {
      const around = text.slice(Math.max(0, found.index - 60), found.index + 60);
      fail(`${name} has ${found[0]}, which the oldest browsers do not know: …${around}…`);
    }
  }
}
const sizes = names.map((name) => ({ name, bytes: gzipped(join(PANEL, "assets", name)) }));
/** It names all that is loaded at first. */
const html = readFileSync(join(PANEL, "index.html"), "utf8");
const parts = Object.entries(LAZY).map(([what, pattern]) => {
  const files = sizes.filter(({ name }) => pattern.test(name));
  if (files.length === 0) fail(`${what} is no longer a file of its own, so the first load holds it.`);
  if (files.some(({ name }) => html.includes(name))) fail(`The first load brings ${what} along.`);
  return { what, bytes: sum(files) };
});
const firstFiles = sizes.filter(({ name }) => html.includes(name));
const first = gzipped(join(PANEL, "index.html")) + sum(firstFiles);

process.stdout.write(
  `Panel, gzipped: first load ${kib(first)} of at most ${kib(BUDGET_BYTES)} in ${firstFiles.length + 1} files; when it is wanted, ` +
    `${parts.map(({ what, bytes }) => `${what} ${kib(bytes)}`).join(", ")}.\n`,
);
if (first > BUDGET_BYTES) {
  fail(`The first load is ${kib(first - BUDGET_BYTES)} over its budget.`);
}
