import { t } from "@/locales";
import table from "./keys.json";
import type { Path } from "./tomlParse";

/** How a value is written, and so how it is asked for. */
export type KeyKind =
  | "text"
  | "code"
  | "duration"
  | "amount"
  | "integer"
  | "number"
  | "flag"
  | "choice"
  | "choices"
  | "texts"
  | "agents"
  | "value"
  | "table";

/** What is known of a key of a definition; a test holds the table against the control plane's. */
export interface KeyAbout {
  kind: KeyKind;
  choices?: string[];
  /** Other words than the choices are right too. */
  isOpen?: boolean;
  example?: string;
  /** What counts without the key. */
  default?: string;
  defaults?: string[];
}

export type TableName = keyof typeof table;
export type KeyId = { [Name in TableName]: `${Name}_${keyof (typeof table)[Name] & string}` }[TableName];

/** The keys of each table, in the order in which they are written. */
export const KEYS = table as Readonly<Record<TableName, Readonly<Record<string, KeyAbout>>>>;

/** Which table a path means: `["step", 1, "Targets"]` is one of targets. Null where keys are free. */
export function tableOf(path: Path): TableName | null {
  const [first, second, third] = path;
  if (first === undefined) return "task";
  if (first === "Params") return path.length === 2 && typeof second === "string" ? "param" : null;
  if (first !== "step") return null;
  if (path.length === 2) return "step";
  return path.length === 3 && third === "Targets" ? "targets" : null;
}

/** The table and what is known of the key at a path; null for one that is not known. */
export function keyAt(path: Path): { id: KeyId; about: KeyAbout } | null {
  const name = tableOf(path.slice(0, -1));
  const key = String(path[path.length - 1]);
  const about = name === null ? undefined : KEYS[name][key];
  return about && Object.keys(KEYS[name as TableName]).includes(key) ? { id: `${name}_${key}` as KeyId, about } : null;
}

/** The keys beside it, in their order. */
export function orderAt(path: Path): string[] {
  const name = tableOf(path.slice(0, -1));
  return name === null ? [] : Object.keys(KEYS[name]);
}

/** What a key is called, for a person. */
export function labelOf(id: KeyId): string {
  return t(`keyLabel.${id}`);
}

/** What it does, in a sentence or two. */
export function helpOf(id: KeyId): string {
  return t(`keyHelp.${id}`);
}

/** As the control plane spells a path in what it says of it: `step[2].Env.A`. */
export function spelled(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part + 1}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}
