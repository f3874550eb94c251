import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { baseCompile } from "@intlify/message-compiler";

const PREFIX = "messages:";

/** Each text as the tree that vue-i18n would parse it to: nothing is compiled in the browser. */
export function compiled(texts, path = "") {
  if (typeof texts !== "string") {
    const parts = Object.entries(texts).map(([key, text]) => [key, compiled(text, `${path}.${key}`)]);
    return Object.fromEntries(parts);
  }
  const onError = (error) => {
    throw new Error(`${path}: ${error.message}`);
  };
  return baseCompile(texts, { jit: true, location: false, minify: true, mangle: true, onError }).ast;
}

/** `messages:en` is the module of a language's compiled messages. */
export function messages() {
  return {
    name: "messages",
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const language = id.slice(PREFIX.length + 1);
      const file = fileURLToPath(new URL(`../src/locales/${language}.json`, import.meta.url));
      this.addWatchFile(file);
      const texts = compiled(JSON.parse(readFileSync(file, "utf8")), language);
      // A browser reads JSON faster than a script that says the same.
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(texts))});`;
    },
  };
}
