import { expect, it } from "vitest";
import { fitting, grouped, type Entry } from "@/rules/palette";

const entry = (text: string, more: Partial<Entry> = {}): Entry => ({
  id: text,
  group: "Do",
  text,
  ...more,
});
const texts = (entries: readonly Entry[]) => entries.map((each) => each.text);

it("finds what has all the words, whatever the case, also in what is not shown", () => {
  const all = [entry("Deploy shop"), entry("Deploy bank"), entry("中文", { words: "Language" })];
  expect(texts(fitting(all, "SHOP dep"))).toEqual(["Deploy shop"]);
  expect(texts(fitting(all, "lang"))).toEqual(["中文"]);
  expect(texts(fitting(all, "nothing"))).toEqual([]);
  expect(texts(fitting(all, "  "))).toEqual(texts(all));
});

it("begins with what begins with the word, then what has a word that does", () => {
  const all = [entry("undeploy"), entry("shop-deploy"), entry("deploy"), entry("shop: deploy 2")];
  expect(texts(fitting(all, "deploy"))).toEqual(["deploy", "shop-deploy", "shop: deploy 2", "undeploy"]);
});

it("trusts the control plane in what it found", () => {
  expect(texts(fitting([entry("Straße", { isFound: true })], "STRASSE"))).toEqual(["Straße"]);
});

it("keeps the order of groups and leaves empty ones out", () => {
  const all = [
    entry("b", { group: "one" }),
    entry("other", { group: "two" }),
    entry("ab", { group: "one" }),
    entry("a", { group: "three" }),
  ];
  const found = grouped(all, "a");
  expect(found.map((group) => [group.name, texts(group.entries)])).toEqual([
    ["one", ["ab"]],
    ["three", ["a"]],
  ]);
});
