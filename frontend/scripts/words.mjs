/**
 * Runs with `npm run lint`: every text of the panel is there in each language, with the same values
 * in it, and is used. That a key which is used exists is checked with the types (src/locales).
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** `runs.title` and its text, for each text. */
export function flat(texts, prefix = "") {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  );
}

const valuesIn = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join(" ");

/** What is wrong between the first language and another one. */
export function differences(first, other, tag) {
  const theirs = new Map(flat(other));
  const wrong = [];
  for (const [key, text] of flat(first)) {
    const translated = theirs.get(key);
    theirs.delete(key);
    if (translated === undefined) wrong.push(`${tag} lacks ${key}.`);
    else if (valuesIn(text) !== valuesIn(translated)) {
      wrong.push(`${tag}: ${key} has other values in it (${valuesIn(text)}).`);
    }
  }
  return [...wrong, ...[...theirs.keys()].map((key) => `Only ${tag} has ${key}.`)];
}

/** Keys that no source names: in quotes, or by a template that begins with what is before its last part. */
export function unused(texts, sources) {
  const all = sources.join("\n");
  const named = new Set(all.match(/(?<=["'`])\w+(?:\.\w+)+(?=["'`])/g) ?? []);
  const templates = [...all.matchAll(/`((?:\w+\.)+)\$\{[^}`]*\}(\w*)`/g)];
  const isBuilt = (key) =>
    templates.some(([, before, after]) => {
      const rest = key.startsWith(before) ? key.slice(before.length) : ".";
      return !rest.includes(".") && rest.endsWith(after);
    });
  return flat(texts).map(([key]) => key).filter((key) => !named.has(key) && !isBuilt(key));
}

function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return /\.(ts|vue)$/.test(entry.name) ? [readFileSync(path, "utf8")] : [];
  });
}

function main() {
  const src = fileURLToPath(new URL("../src/", import.meta.url));
  const locales = join(src, "locales");
  const read = (name) => JSON.parse(readFileSync(join(locales, name), "utf8"));
  const others = readdirSync(locales).filter((name) => name.endsWith(".json") && name !== "en.json");
  const english = read("en.json");
  const wrong = [
    ...others.flatMap((name) => differences(english, read(name), name.replace(".json", ""))),
    ...unused(english, sourcesIn(src)).map((key) => `Nothing uses ${key}.`),
  ];
  for (const each of wrong) process.stderr.write(`${each}\n`);
  if (wrong.length > 0) process.exitCode = 1;
}

if (process.argv[1]?.endsWith("words.mjs")) main();
