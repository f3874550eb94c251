import { describe, expect, it } from "vitest";
import { carryStyle, markMatches, spansOf } from "@/rules/logs/ansi";
import { cellsOf, plainText, shownText } from "@/rules/logs/text";

describe("the text of a line", () => {
  it("is what a carriage return left", () => {
    expect(shownText("10%\r50%\r100%")).toBe("100%");
    expect(shownText("windows\r")).toBe("windows");
    expect(plainText("\x1b[32m10%\rdone")).toBe("done");
    expect(shownText("\x1b[32m10%\rdone")).toBe("\x1b[32mdone");
  });

  it("has no escape sequence but colours", () => {
    expect(shownText("\x1b]0;a title\x07text")).toBe("text");
    expect(shownText("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\")).toBe("link");
    expect(shownText("\x1b[2K\x1b[1;5Hmoved \x1b[1mbold")).toBe("moved \x1b[1mbold");
    expect(shownText("\x1b(Bascii")).toBe("ascii");
    expect(shownText("\x1b7saved\x1b8")).toBe("saved");
  });

  it("loses an escape sequence that is cut off", () => {
    expect(shownText("cut \x1b")).toBe("cut ");
    expect(shownText("cut \x1b[")).toBe("cut ");
    expect(shownText("two \x1b\x1b[1mbold")).toBe("two \x1b[1mbold");
  });

  it("shows control characters as pictures", () => {
    expect(shownText("a\x00b\x07c\x7f")).toBe("a\u2400b\u2407c\u2421");
  });

  it("has tabs as spaces up to the next stop, colours taking none", () => {
    expect(shownText("ab\tc")).toBe("ab      c");
    expect(plainText("\x1b[31mab\x1b[0m\tc")).toBe("ab      c");
  });

  it("is measured in cells", () => {
    expect(cellsOf("abc")).toBe(3);
    expect(cellsOf("水管")).toBe(4);
    expect(cellsOf("e\u0301")).toBe(1);
    expect(cellsOf("🚀!")).toBe(3);
  });
});

describe("colours", () => {
  it("follow the theme for the basic ones", () => {
    expect(spansOf("", "\x1b[31mred\x1b[0m plain").map(({ text, color }) => [text, color])).toEqual([
      ["red", "var(--ansi-red)"],
      [" plain", null],
    ]);
  });

  it("come from the palette and from true colour", () => {
    expect(spansOf("", "\x1b[38;5;196mx")[0]?.color).toBe("rgb(255, 0, 0)");
    expect(spansOf("", "\x1b[38;5;232mx")[0]?.color).toBe("rgb(8, 8, 8)");
    expect(spansOf("", "\x1b[38;2;1;2;3mx")[0]?.color).toMatch(/^rgb\(1, ?2, ?3\)$/);
  });

  it("are swapped by reverse video", () => {
    const [span] = spansOf("", "\x1b[7;31mx");
    expect([span?.color, span?.background]).toEqual(["var(--ansi-black)", "var(--ansi-red)"]);
  });

  it("of earlier lines stay in force until they are reset", () => {
    expect(spansOf("\x1b[1m", "x")[0]?.isBold).toBe(true);
    expect(carryStyle("", "a\x1b[1mb\x1b[31mc")).toBe("\x1b[1m\x1b[31m");
    expect(carryStyle("\x1b[1m", "a\x1b[mb")).toBe("");
    expect(carryStyle("\x1b[1m", "a\x1b[0;32mb")).toBe("\x1b[0;32m");
  });

  it("leave markup as it is", () => {
    expect(spansOf("", "<b>&amp;</b>")[0]?.text).toBe("<b>&amp;</b>");
  });
});

describe("what a search found", () => {
  const texts = (places: number[]) =>
    markMatches(spansOf("", "ab\x1b[31mcd\x1b[0mef"), places).map(({ text, isMatch }) =>
      isMatch ? `<${text}>` : text,
    );

  it("is marked across colours", () => {
    expect(texts([])).toEqual(["ab", "cd", "ef"]);
    expect(texts([1, 3])).toEqual(["a", "<b>", "<c>", "d", "ef"]);
    expect(texts([0, 6])).toEqual(["<ab>", "<cd>", "<ef>"]);
    expect(texts([0, 1, 4, 5])).toEqual(["<a>", "b", "cd", "<e>", "f"]);
  });
});
