import { computed, type Ref } from "vue";
import { createI18n } from "vue-i18n";
import english, { type Messages } from "messages:en";
import type en from "./en.json";

type Paths<T> = {
  [K in keyof T & string]: T[K] extends string ? K : `${K}.${Paths<T[K]>}`;
}[keyof T & string];

/** The name of a text, such as `runs.title`; that there is one is checked with the types. */
export type Key = Paths<typeof en>;
type Values = Record<string, string | number>;

const STORED = "plumber.language";
/** The languages, by the tag that the browser and the document know them by, in their own words. */
export const LANGUAGES = { en: "English", "zh-CN": "简体中文" } as const;
export type Language = keyof typeof LANGUAGES;

/** Only English is a part of the first load; the others come when they are wanted. */
const OTHERS: Partial<Record<Language, () => Promise<{ default: Messages }>>> = {
  "zh-CN": () => import("messages:zh-CN"),
};

/** What of vue-i18n is used; its own types would check the texts a second time, and slowly. */
interface Composer {
  locale: Ref<string>;
  availableLocales: string[];
  t: (key: string, values: Values, count?: number) => string;
  setLocaleMessage: (language: string, messages: Messages) => void;
}

const i18n = createI18n({
  legacy: false,
  locale: "en",
  fallbackLocale: "en",
  messages: { en: english as never },
}).global as unknown as Composer;

/** The language that is shown. Whatever is computed with `t` follows it. */
export const language = computed(() => i18n.locale.value as Language);

/** A text in the language that is shown. */
export function t(key: Key, values: Values = {}): string {
  return i18n.t(key, values);
}

/** A text that counts: `{n}` in it is the count as the language writes it. */
export function count(key: Key, n: number, values: Values = {}): string {
  return i18n.t(key, { n: n.toLocaleString(language.value), ...values }, n);
}

export function isEnglish(): boolean {
  return language.value === "en";
}

/** Shows the panel in a language from now on. */
export async function setLanguage(wanted: Language): Promise<void> {
  const load = OTHERS[wanted];
  if (load && !i18n.availableLocales.includes(wanted)) {
    i18n.setLocaleMessage(wanted, (await load()).default);
  }
  i18n.locale.value = wanted;
  document.documentElement.lang = wanted;
}

/** Shows it in one, and in this browser ever after. */
export async function chooseLanguage(wanted: Language): Promise<void> {
  localStorage.setItem(STORED, wanted);
  await setLanguage(wanted);
}

/** What was chosen here before, else the first of the browser's languages that the panel speaks. */
export function preferredLanguage(languages: readonly string[] = navigator.languages): Language {
  const all = Object.keys(LANGUAGES) as Language[];
  const chosen = all.find((each) => each === localStorage.getItem(STORED));
  if (chosen) return chosen;
  const spoken = languages.flatMap((tag) => {
    const [primary] = tag.toLowerCase().split("-");
    return all.filter((each) => each.toLowerCase().split("-")[0] === primary);
  });
  return spoken[0] ?? "en";
}
