import { beforeEach, describe, expect, it } from "vitest";
import { nextTick } from "vue";
import { useRunSearch } from "@/composables/logs/useRunSearch";
import { farSide, pass, settled, stopTime, type Call } from "../../farSide";
import { mounted } from "../../mounted";

const QUIET_MS = 250;

let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

const seek = () => mounted(() => useRunSearch("R1"));

type Seeker = ReturnType<typeof seek>;

async function look(search: Seeker, text: string): Promise<void> {
  search.query.text = text;
  await nextTick();
  await pass(QUIET_MS);
}

/** A part of the answer: so many matches, from line `from` on. */
function part(count: number, next: string | null, from = 1) {
  const matches = Array.from({ length: count }, (_, index) => ({ line: from + index }));
  return { matches, searched_bytes: 100, next };
}

const linesOf = (search: Seeker) => search.matches.value.map((match) => match.line);

describe("a search in a run", () => {
  it("asks once nothing is typed any more, and goes on until all is looked through", async () => {
    const search = seek();
    await look(search, "error");
    expect([calls[0]?.path, calls[0]?.query]).toEqual([
      "/runs/R1/search",
      { pattern: "error", regex: "false", ignore_case: "true" },
    ]);
    await calls[0]?.answer(part(2, "c1"));
    expect([linesOf(search), search.isSearching.value]).toEqual([[1, 2], true]);
    expect(calls[1]?.query.cursor).toBe("c1");
    await calls[1]?.answer(part(0, "c2"));
    await calls[2]?.answer(part(1, null, 3));
    expect([linesOf(search), search.isSearching.value, search.next.value]).toEqual([
      [1, 2, 3],
      false,
      null,
    ]);
    expect([calls.length, search.searchedBytes.value]).toEqual([3, 300]);
  });

  it("rests when it has found enough, until it is asked for more", async () => {
    const search = seek();
    await look(search, "error");
    await calls[0]?.answer(part(150, "c1"));
    await calls[1]?.answer(part(60, "c2", 151));
    await pass(60_000);
    expect([calls.length, search.isSearching.value, search.next.value]).toEqual([2, false, "c2"]);
    void search.searchOn();
    await settled();
    expect(calls[2]?.query.cursor).toBe("c2");
    await calls[2]?.answer(part(10, null, 211));
    expect(linesOf(search)).toEqual(Array.from({ length: 220 }, (_, index) => index + 1));
  });

  it("has one call under way, however often it is asked for more", async () => {
    const search = seek();
    await look(search, "error");
    await calls[0]?.answer(part(200, "c1"));
    void search.searchOn();
    void search.searchOn();
    await settled();
    expect(calls.filter((each) => !each.isAborted)).toHaveLength(2);
    for (const each of calls.slice(1)) await each.answer(part(1, null, 201));
    expect(search.matches.value).toHaveLength(201);
  });

  it("is begun by Enter before the pause is over, and only once", async () => {
    const search = seek();
    search.query.text = "error";
    await nextTick();
    search.begin();
    await pass(QUIET_MS);
    expect(calls).toHaveLength(1);
    await calls[0]?.answer(part(1, null));
    search.begin();
    await settled();
    expect(calls).toHaveLength(2);
  });

  it("is given up for another one, which begins with nothing", async () => {
    const search = seek();
    await look(search, "one");
    await calls[0]?.answer(part(3, "c1"));
    await look(search, "two");
    expect(calls[1]?.isAborted).toBe(true);
    expect([linesOf(search), search.searchedBytes.value, calls[2]?.query]).toEqual([
      [],
      0,
      { pattern: "two", regex: "false", ignore_case: "true" },
    ]);
    await calls[1]?.answer(part(3, null));
    expect([linesOf(search), search.isSearching.value]).toEqual([[], true]);
    await calls[2]?.answer(part(1, null, 9));
    expect(linesOf(search)).toEqual([9]);
  });

  it("begins anew with another switch, and ends when nothing is looked for", async () => {
    const search = seek();
    await look(search, "a.b");
    search.query.isRegex = true;
    await nextTick();
    await settled();
    expect([calls[0]?.isAborted, calls[1]?.query.regex]).toEqual([true, "true"]);
    await look(search, "");
    expect([calls.length, calls[1]?.isAborted, search.isSearching.value]).toEqual([2, true, false]);
  });

  it("keeps what it has found when a call fails, and goes on from there", async () => {
    const search = seek();
    await look(search, "error");
    await calls[0]?.answer(part(2, "c1"));
    await calls[1]?.breakOff();
    expect([search.error.value, search.isSearching.value, linesOf(search)]).toEqual([
      "The control plane cannot be reached.",
      false,
      [1, 2],
    ]);
    void search.searchOn();
    await settled();
    expect([search.error.value, calls[2]?.query.cursor]).toEqual(["", "c1"]);
    await calls[2]?.answer(part(1, null, 3));
    expect([search.error.value, linesOf(search)]).toEqual(["", [1, 2, 3]]);
  });

  it("says what the control plane does not take", async () => {
    const search = seek();
    await look(search, "a(");
    await calls[0]?.refuse(400, 1001, "This is no regular expression.");
    expect([search.error.value, search.isSearching.value]).toEqual([
      "This is no regular expression.",
      false,
    ]);
    await look(search, "a");
    expect(search.error.value).toBe("");
  });

  it("ends with its component", async () => {
    const search = seek();
    await look(search, "error");
    search.unmount();
    await settled();
    expect(calls[0]?.isAborted).toBe(true);
    await settled();
    await pass(60_000);
    expect([calls.length, search.error.value]).toEqual([1, ""]);
  });

  it("that was only typed ends with its component too", async () => {
    const search = seek();
    search.query.text = "error";
    await nextTick();
    search.unmount();
    await pass(60_000);
    expect(calls).toEqual([]);
  });
});
