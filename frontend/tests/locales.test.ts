import { afterEach, describe, expect, it } from "vitest";
import { ApiError, Code, messageOf } from "@/api/errors";
import { chooseLanguage, count, language, preferredLanguage, setLanguage, t } from "@/locales";
import { formatBy } from "@/rules/by";
import { formatCount, formatDuration, formatRelative } from "@/rules/format";
import { stateText } from "@/rules/states";
import { compiled } from "../build/messages.js";
import { differences, unused } from "../scripts/words.mjs";

afterEach(async () => {
  localStorage.clear();
  await setLanguage("en");
});

describe("the language", () => {
  it.each([
    [["fr", "zh-TW", "en"], "zh-CN"],
    [["en-GB", "zh-CN"], "en"],
    [["fr", "de"], "en"],
    [[], "en"],
  ])("of a browser that reads %s is %s", (spoken, tag) => {
    expect(preferredLanguage(spoken)).toBe(tag);
  });

  it("that was chosen is kept, and is the document's", async () => {
    await chooseLanguage("zh-CN");
    expect([language.value, document.documentElement.lang]).toEqual(["zh-CN", "zh-CN"]);
    expect(preferredLanguage(["en"])).toBe("zh-CN");
  });

  it("is that of texts, counts, states, times and who did something", async () => {
    const texts = () => [
      t("tokens.revokeTitle", { name: "a {b}" }),
      count("run.stepsSkipped", 1),
      formatCount(12_345, "line"),
      stateText("timed_out"),
      formatRelative("2026-01-01T23:00:00Z", Date.parse("2026-01-02T00:00:00Z")),
      formatDuration(125),
      formatBy({ kind: "token", id: "t", name: "ann" }),
    ];
    expect(texts()).toEqual([
      "Revoke 'a {b}'?", "1 step was skipped.", "12,345 lines", "timed out", "1h ago", "2m 05s",
      "ann (token)",
    ]);
    await setLanguage("zh-CN");
    expect(texts()).toEqual([
      "吊销“a {b}”？", "跳过了 1 个步骤。", "12,345 行", "超时", "1小时前", "2分钟 05秒", "ann（令牌）",
    ]);
  });
});

describe("what the API says", () => {
  const refused = new ApiError(Code.notAuthenticated, "Send it as 'Authorization: Bearer'.");
  const taken = new ApiError(Code.conflict, "There is a task of this name.");
  const other = new ApiError(4001, "The update failed.");

  it("is told as it is, where it is for a person", () => {
    expect(messageOf(taken)).toBe("There is a task of this name.");
    expect(messageOf(refused)).toBe("You are not signed in, or your token is no longer good.");
  });

  it("comes in other languages after the words of its code", async () => {
    await setLanguage("zh-CN");
    expect(messageOf(taken)).toBe("与当前状态冲突：There is a task of this name.");
    expect(messageOf(refused)).toBe("你尚未登录，或令牌已失效。");
    expect(messageOf(other)).toBe("The update failed.");
  });
});

describe("the check of words", () => {
  it("names what a language lacks, has alone, or gives other values", () => {
    const english = { a: { b: "one {n}", c: "two" }, d: "three" };
    expect(differences(english, { a: { b: "eins {n}", c: "zwei" }, d: "drei" }, "de")).toEqual([]);
    expect(differences(english, { a: { b: "eins" }, d: "drei", e: "vier" }, "de")).toEqual([
      "de: a.b has other values in it ({n}).",
      "de lacks a.c.",
      "Only de has e.",
    ]);
  });

  it("names what no source uses, by itself or by a template", () => {
    const texts = { a: { used: "", not: "" }, state: { on: "", deep: { er: "" } }, n: { xs: "", y: "" } };
    const sources = ['t("a.used")', "t(`state.${state}`)", "t(`n.${noun}s`)"];
    expect(unused(texts, sources)).toEqual(["a.not", "state.deep.er", "n.y"]);
  });

  it("refuses a text that cannot be read", () => {
    expect(() => compiled({ a: { b: "broken {a b}" } }, "en")).toThrow("en.a.b");
  });
});
