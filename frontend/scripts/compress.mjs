/**
 * Runs after the build: puts a .br and a .gz beside each text file of 1 KB or more, and fails when
 * the first load is over its budget. Prints what it found.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const PANEL = fileURLToPath(new URL("../../chalicelib/panel/", import.meta.url));
const TEXT = new Set([".html", ".js", ".css", ".svg", ".json"]);
const AT_LEAST_BYTES = 1024;
const BUDGET_BYTES = 250 * 1024;
/** Fetched only where a definition is edited; everything else counts as the first load. */
const LAZY = /^TomlEditor-/;

function compress(path) {
  const content = readFileSync(path);
  const gzipped = gzipSync(content, { level: 9 });
  if (content.length >= AT_LEAST_BYTES && TEXT.has(extname(path))) {
    writeFileSync(`${path}.gz`, gzipped);
    writeFileSync(`${path}.br`, brotli(content));
  }
  return gzipped.length;
}

function brotli(content) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  return brotliCompressSync(content, { params });
}

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

const sizes = readdirSync(join(PANEL, "assets"))
  .filter((name) => !/\.(br|gz)$/.test(name))
  .map((name) => ({ name, bytes: compress(join(PANEL, "assets", name)) }));
const page = compress(join(PANEL, "index.html"));
const lazy = sizes.filter(({ name }) => LAZY.test(name));
const sum = (files) => files.reduce((total, { bytes }) => total + bytes, 0);
if (lazy.length === 0) {
  process.stderr.write("The editor is no longer a file of its own, so the first load holds it.\n");
  process.exitCode = 1;
}
const first = page + sum(sizes) - sum(lazy);

process.stdout.write(
  `Panel, gzipped: first load ${kib(first)} of at most ${kib(BUDGET_BYTES)}, ` +
    `the editor another ${kib(sum(lazy))} when it is opened.\n`,
);
if (first > BUDGET_BYTES) {
  process.stderr.write(`The first load is ${kib(first - BUDGET_BYTES)} over its budget.\n`);
  process.exitCode = 1;
}
