import { beforeEach, expect, it } from "vitest";
import { createReader, elementOf, keysOf, neighbour, takesLetters } from "@/rules/shortcuts";

beforeEach(() => (document.body.innerHTML = ""));

function shown(html: string): HTMLElement {
  document.body.innerHTML = html;
  return document.body;
}

it("reads pairs that begin with g, and forgets the g after a while or another key", () => {
  const read = createReader();
  expect(read("g", 0)).toBeNull();
  expect(read("t", 1_500)).toEqual({ kind: "go", to: "/tasks" });
  expect(read("t", 1_600)).toEqual({ kind: "page", key: "t" });
  read("g", 2_000);
  expect(read("j", 3_501)).toEqual({ kind: "row", by: 1 });
  read("g", 4_000);
  expect(read("x", 4_001)).toBeNull();
  expect(read("r", 4_002)).toEqual({ kind: "page", key: "r" });
});

it("knows rows, help and keys that are no letters", () => {
  const read = createReader();
  expect([read("k", 0), read("?", 1), read("Enter", 2), read("/", 3)]).toEqual([
    { kind: "row", by: -1 },
    { kind: "help" },
    null,
    { kind: "page", key: "/" },
  ]);
});

it("leaves letters to fields, editors and lists that are typed in", () => {
  const page = shown(
    '<input id="text"><input id="box" type="checkbox"><textarea id="area"></textarea>' +
      '<div role="menu"><button id="item"></button></div><a id="link" href="#"></a>' +
      '<div id="editor" contenteditable="true"></div>',
  );
  const takes = (id: string) => takesLetters(page.querySelector(`#${id}`));
  expect(["text", "area", "item", "editor"].map(takes)).toEqual([true, true, true, true]);
  expect(["box", "link"].map(takes)).toEqual([false, false]);
  expect(takesLetters(null)).toBe(false);
});

it("finds what the page has on a key, unless it cannot be used now", () => {
  const page = shown(
    '<button aria-keyshortcuts="n" disabled>New one</button>' +
      '<button id="new" aria-keyshortcuts="n"> New </button>' +
      '<input id="search" aria-keyshortcuts="/" placeholder="Find">',
  );
  expect(elementOf("n", page)?.id).toBe("new");
  expect(elementOf("/", page)?.id).toBe("search");
  expect(elementOf("x", page)).toBeNull();
  expect(keysOf(page)).toEqual([
    { key: "n", text: "New" },
    { key: "/", text: "Find" },
  ]);
});

it("goes from row to row, begins at either end, and stays at the last one", () => {
  const page = shown(
    '<a id="outside" href="#"></a><table><tbody>' +
      '<tr><td><a id="one" href="#1"></a><button id="button"></button></td></tr>' +
      "<tr><td>no link</td></tr>" +
      '<tr><td><a id="two" href="#2"></a></td></tr></tbody></table>',
  );
  const from = (id: string, by: 1 | -1) => neighbour(page, page.querySelector(`#${id}`), by)?.id;
  expect([from("outside", 1), from("outside", -1)]).toEqual(["one", "two"]);
  expect([from("button", 1), from("two", -1)]).toEqual(["two", "one"]);
  expect([from("two", 1), from("one", -1)]).toEqual([undefined, undefined]);
});
