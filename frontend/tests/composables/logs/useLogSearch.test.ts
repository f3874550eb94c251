import { beforeEach, describe, expect, it, vi } from "vitest";
import { nextTick, ref } from "vue";
import type { StreamName } from "@/api/types";
import { useLogSearch } from "@/composables/logs/useLogSearch";
import { LogLines } from "@/rules/logs/lines";
import { pass, settled, stopTime } from "../../farSide";
import { mounted } from "../../mounted";
import { addTo, record } from "../../rules/logs/records";

const QUIET_MS = 250;

let lines: LogLines;
const version = ref(0);
const stream = ref<StreamName | null>(null);
const shown = vi.fn<(line: number) => void>();
/** The line at which the person is. */
let here: number;

beforeEach(() => {
  stopTime();
  lines = addTo(new LogLines(), record("stdout", "error a\nfine\nerror b\nfine\nerror c\n"));
  stream.value = null;
  here = 1;
  shown.mockReset();
});

function finder() {
  return mounted(() => useLogSearch(lines, version, stream, () => here, shown));
}

type Finder = ReturnType<typeof finder>;

async function type(search: Finder, text: string): Promise<void> {
  search.query.text = text;
  await nextTick();
}

async function find(search: Finder, text: string): Promise<void> {
  await type(search, text);
  await pass(QUIET_MS);
}

async function grow(...texts: string[]): Promise<void> {
  addTo(lines, ...texts.map((text) => record("stdout", text)));
  version.value++;
  await settled();
}

/** From here on a search has its turn for 128 lines at a time. */
function makeSlow(): void {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += 10));
}

describe("a search in a log", () => {
  it("begins once nothing is typed any more, at the line where one is", async () => {
    here = 2;
    const search = finder();
    await type(search, "err");
    await pass(QUIET_MS - 1);
    await type(search, "error");
    await pass(QUIET_MS - 1);
    expect(search.count.value).toBe(0);
    await pass(1);
    expect([search.count.value, search.current.value, search.place.value]).toEqual([3, 3, 2]);
    expect(shown.mock.calls).toEqual([[3]]);
  });

  it("begins again at the top when there is nothing below", async () => {
    here = 4;
    const search = finder();
    await find(search, "b");
    expect(shown.mock.calls).toEqual([[3]]);
  });

  it("steps on and back, and round at both ends", async () => {
    const search = finder();
    await find(search, "error");
    for (const by of [1, 1, 1, -1, -1] as const) search.step(by);
    expect(shown.mock.calls.flat()).toEqual([1, 3, 5, 1, 5, 3]);
    expect(search.place.value).toBe(2);
  });

  it("is begun by a step before the pause is over, and only once", async () => {
    const search = finder();
    await type(search, "error");
    search.step(1);
    await settled();
    search.step(1);
    expect(shown.mock.calls.flat()).toEqual([1, 3]);
    await pass(QUIET_MS);
    expect([shown.mock.calls.flat(), search.current.value]).toEqual([[1, 3], 3]);
  });

  it("goes on with the log, and stays where one has stepped to", async () => {
    const search = finder();
    await find(search, "error");
    await grow("error d\nfine\n");
    expect([search.count.value, search.current.value]).toEqual([4, 1]);
    await grow("err");
    expect(search.count.value).toBe(4);
    await grow("or e\n");
    expect(search.count.value).toBe(5);
    expect(shown.mock.calls.flat()).toEqual([1]);
  });

  it("moves nobody to a line that comes later", async () => {
    const search = finder();
    await find(search, "panic");
    expect([search.count.value, shown.mock.calls.length]).toEqual([0, 0]);
    await grow("panic\n");
    expect([search.count.value, shown.mock.calls.length]).toEqual([1, 0]);
    search.step(1);
    expect(shown.mock.calls.flat()).toEqual([6]);
  });

  it("begins anew with another stream and other switches", async () => {
    addTo(lines, record("stderr", "Error z\n"));
    const search = finder();
    await find(search, "error");
    expect(search.count.value).toBe(4);
    stream.value = "stderr";
    await settled();
    expect([search.count.value, search.current.value]).toEqual([1, 6]);
    search.query.ignoresCase = false;
    await settled();
    expect([search.count.value, search.current.value]).toEqual([0, null]);
  });

  it("says what is no regular expression, and recovers", async () => {
    const search = finder();
    search.query.isRegex = true;
    await find(search, "a(");
    expect(search.error.value).toMatch(/^This is no regular expression/);
    search.step(1);
    expect(search.count.value).toBe(0);
    await find(search, "a$");
    expect([search.error.value, search.count.value]).toEqual(["", 1]);
  });

  it("is over when nothing is looked for", async () => {
    const search = finder();
    await find(search, "error");
    await find(search, "");
    expect([search.count.value, search.current.value, search.pattern.value]).toEqual([0, null, null]);
    search.step(1);
    expect(shown).toHaveBeenCalledTimes(1);
  });
});

describe("a long search", () => {
  beforeEach(() => {
    addTo(lines, record("stdout", `${"error\n".repeat(20_000)}the end\n`));
    makeSlow();
  });

  it("has its first line while it goes on, and learns of what comes meanwhile", async () => {
    const search = finder();
    await find(search, "error");
    expect(search.isSearching.value).toBe(true);
    expect(shown.mock.calls.flat()).toEqual([1]);
    const { length } = shown.mock.calls;
    await grow("error at last\n");
    vi.mocked(performance.now).mockReturnValue(0);
    await settled();
    expect([search.isSearching.value, search.count.value]).toEqual([false, 20_004]);
    expect(shown).toHaveBeenCalledTimes(length);
  });

  it("is given up for another one, and says nothing of its own any more", async () => {
    const search = finder();
    await type(search, "error");
    vi.advanceTimersByTime(QUIET_MS);
    search.query.text = "nowhere";
    search.step(1);
    await settled();
    expect([search.count.value, search.current.value, shown.mock.calls.length]).toEqual([0, null, 0]);
  });

  it("moves nothing when it is given up and nothing is looked for", async () => {
    here = 30_000;
    const search = finder();
    await find(search, "error");
    search.query.text = "";
    search.step(1);
    await settled();
    expect([search.count.value, search.current.value, shown.mock.calls.length]).toEqual([0, null, 0]);
    expect(search.isSearching.value).toBe(false);
  });

  it("ends with its component, and moves nothing after that", async () => {
    here = 30_000;
    const search = finder();
    await find(search, "error");
    const count = search.count.value;
    search.unmount();
    vi.mocked(performance.now).mockReturnValue(0);
    await settled();
    expect([search.count.value, shown.mock.calls.length]).toEqual([count, 0]);
  });
});
