/**
 * Runs after the build: fails when a file is not text, which API Gateway would not hand on unharmed
 * (see chalicelib/api/panel.py), or when the first load is over its budget. Prints what it found.
 */
import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const PANEL = fileURLToPath(new URL("../../chalicelib/panel/", import.meta.url));
const TEXT = new Set([".html", ".js", ".css", ".svg"]);
const BUDGET_BYTES = 250 * 1024;
/** Fetched only where a definition is edited; everything else counts as the first load. */
const LAZY = /^TomlEditor-/;

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
const sum = (files) => files.reduce((total, { bytes }) => total + bytes, 0);

const names = readdirSync(join(PANEL, "assets"));
for (const name of names.filter((each) => !TEXT.has(extname(each)))) {
  fail(`${name} is not text. Import it with ?inline, so that it becomes a part of what names it.`);
}
const sizes = names.map((name) => ({ name, bytes: gzipped(join(PANEL, "assets", name)) }));
const lazy = sizes.filter(({ name }) => LAZY.test(name));
if (lazy.length === 0) {
  fail("The editor is no longer a file of its own, so the first load holds it.");
}
const first = gzipped(join(PANEL, "index.html")) + sum(sizes) - sum(lazy);

process.stdout.write(
  `Panel, gzipped: first load ${kib(first)} of at most ${kib(BUDGET_BYTES)}, ` +
    `the editor another ${kib(sum(lazy))} when it is opened.\n`,
);
if (first > BUDGET_BYTES) {
  fail(`The first load is ${kib(first - BUDGET_BYTES)} over its budget.`);
}
