import { snippetCompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { hoverTooltip, type Tooltip } from "@codemirror/view";
import { t } from "@/locales";
import { helpOf, KEYS, labelOf, type KeyAbout, type KeyId } from "@/rules/tasks/keys";
import { contextAt, keyOver, type Context } from "@/rules/tasks/tomlContext";

/** What a key is written with, and where the cursor goes. */
const SKELETONS: Record<KeyAbout["kind"], string> = {
  text: '"${}"', code: '"${}"', duration: '"${}"', choice: '"${}"', agents: '"${}"', value: '"${}"',
  amount: "${}", integer: "${}", number: "${}", flag: "true",
  choices: '["${}"]', texts: '["${}"]', table: "{ ${} }",
}; // prettier-ignore
const TIMES = ["30s", "5m", "1h", "1h30m"];
const HEADERS = ["[[step]]", "[Params.${name}]"];

/** Completes headers, keys and values; `agents` finds names of agents. */
export function completing(agents: (text: string) => Promise<string[]>) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const text = context.state.doc.toString();
    const found = contextAt(text, context.pos);
    if (found === null) return null;
    const typed = text.slice(found.from, context.pos);
    if (!context.explicit && typed === "" && !(found.kind === "value" && found.isQuoted)) return null;
    const options = await optionsFor(found, typed, agents);
    return options.length > 0 ? { from: found.from, options, validFor: /^[\w[.%-]*$/ } : null;
  };
}

async function optionsFor(
  found: Context,
  typed: string,
  agents: (text: string) => Promise<string[]>,
): Promise<Completion[]> {
  if (found.kind === "header") {
    return HEADERS.map((each) => snippetCompletion(each, { label: each.replace(/\$\{(\w+)\}/, "$1") }));
  }
  if (found.kind === "key") {
    const free = Object.keys(KEYS[found.table]).filter((key) => !found.taken.includes(key));
    return free.flatMap((key, index) => keyOption(found, key, -index));
  }
  const about = KEYS[found.table][found.key];
  if (!about) return [];
  const words = about.kind === "agents" ? await agents(typed) : wordsOf(about);
  const isBare = about.kind === "flag" || /^\d+$/.test(words[0] ?? "");
  const quoted = (word: string) => (found.isQuoted || isBare ? word : JSON.stringify(word));
  return words.map((word, index) => ({ label: quoted(word), displayLabel: word, boost: -index, type: "constant" }));
}

function keyOption({ table }: Context & { kind: "key" }, key: string, boost: number): Completion[] {
  const id = `${table}_${key}` as KeyId;
  const about = KEYS[table][key];
  // Steps and parameters are tables of their own.
  if (!about || (table === "task" && about.kind === "table")) return [];
  const info = { label: key, detail: labelOf(id), info: helpOf(id), boost, type: "property" };
  return [snippetCompletion(`${key} = ${SKELETONS[about.kind]}`, info)];
}

function wordsOf(about: KeyAbout): string[] {
  if (about.choices) return about.choices;
  if (about.kind === "flag") return ["true", "false"];
  if (about.kind === "duration") return [...new Set([about.default, about.example, ...TIMES])].filter((each) => each !== undefined);
  if (about.kind === "amount") return ["10%", "25%", "50%"];
  return [];
}

/** Says what the key under the pointer does. */
export const helping = hoverTooltip((view, at): Tooltip | null => {
  const found = keyOver(view.state.doc.toString(), at);
  if (found === null) return null;
  const id = `${found.table}_${found.key}` as KeyId;
  return { pos: found.from, end: found.to, above: true, create: () => ({ dom: helpFor(id, KEYS[found.table][found.key]) }) };
});

function helpFor(id: KeyId, about: KeyAbout | undefined): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "cm-help";
  const title = dom.appendChild(document.createElement("b"));
  title.textContent = labelOf(id);
  dom.appendChild(document.createElement("p")).textContent = helpOf(id);
  const counts = about?.default ?? about?.defaults?.join(", ");
  if (counts !== undefined) dom.appendChild(document.createElement("p")).textContent = t("task.default", { value: counts });
  return dom;
}
