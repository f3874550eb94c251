import { beforeEach, expect, it, vi } from "vitest";
import { MOST_EXPORTED, useRunExport } from "@/composables/runs/useRunExport";
import { useNotices } from "@/stores/notices";
import { mounted } from "../../mounted";
import { settled } from "../../farSide";

const RUN = { id: "R1", task_name: "=evil, \"shop\"", triggered_by: { kind: "token", id: "t", name: "ci" }, duration_seconds: 1.5 };

let asked: { path: string; query: Record<string, string>; answer: (lines: object[], next: string | null) => Promise<void> }[];
let saved: { text: string; name: string }[];

beforeEach(() => {
  asked = [];
  saved = [];
  vi.stubGlobal("fetch", (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    return new Promise<Response>((resolve, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason as Error));
      asked.push({
        path: pathname,
        query: Object.fromEntries(searchParams),
        answer: (lines, next) => {
          const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
          resolve(new Response(text, { headers: next === null ? {} : { "Plumber-Next": next } }));
          return settled();
        },
      });
    });
  });
  const blobs = new Map<string, Blob>();
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    blobs.set("blob:x", blob as Blob);
    return "blob:x";
  });
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    const blob = blobs.get(this.href);
    const name = this.download;
    void blob?.text().then((text) => saved.push({ text, name }));
  });
});

it("goes on by the header until nothing follows, and saves one table", async () => {
  const { save, count } = mounted(useRunExport);
  const saving = save({ state: "failed" }, "csv");
  await settled();
  await asked[0]?.answer([RUN, RUN], "next page");
  expect(count.value).toBe(2);
  await asked[1]?.answer([RUN], null);
  await saving;
  await settled();
  expect(asked.map(({ path, query }) => [path, query.state, query.cursor])).toEqual([
    ["/api/v1/exports/runs", "failed", undefined],
    ["/api/v1/exports/runs", "failed", "next page"],
  ]);
  expect(saved[0]?.name).toBe("plumber-runs.csv");
  const lines = saved[0]?.text.split("\r\n") ?? [];
  expect(lines[0]).toContain("id,task_id,task_name");
  expect(lines[1]).toContain(`"'=evil, ""shop"""`);
  expect([lines.length, count.value]).toEqual([5, null]);
});

it("saves an empty list as such, and says where it was cut", async () => {
  const { save, notices } = mounted(() => ({ ...useRunExport(), notices: useNotices() }));
  const saving = save({}, "json");
  await settled();
  await asked[0]?.answer([], null);
  await saving;
  await settled();
  expect(saved).toEqual([{ text: "[]", name: "plumber-runs.json" }]);
  const again = save({}, "json");
  await settled();
  await asked[1]?.answer(Array.from({ length: MOST_EXPORTED }, () => RUN), "more");
  await again;
  expect(asked).toHaveLength(2);
  expect(notices.notices[0]?.text).toContain("10,000");
});

it("is stopped without a word, and nothing is saved", async () => {
  const { save, stop, count, notices } = mounted(() => ({ ...useRunExport(), notices: useNotices() }));
  const saving = save({}, "csv");
  await settled();
  stop();
  await saving;
  expect([saved, notices.notices, count.value]).toEqual([[], [], null]);
});
