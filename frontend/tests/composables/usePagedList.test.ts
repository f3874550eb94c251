import { beforeEach, expect, it } from "vitest";
import { computed, ref } from "vue";
import { listAgents } from "@/api/agents";
import type { Page } from "@/api/types";
import { usePagedList } from "@/composables/usePagedList";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";
import { mounted } from "../mounted";

let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

async function list() {
  const text = ref("");
  const read = (cursor: string | null, signal: AbortSignal) =>
    listAgents({ text: text.value }, cursor, signal) as Promise<Page<unknown>>;
  const used = mounted(() => usePagedList(computed(() => ["agents", text.value]), read));
  await settled();
  return { ...used, text };
}

const page = (items: string[], next: string | null = null) => ({ items, next });

it("gets one more page when it is asked to, and not those before it again", async () => {
  const { items, hasMore, more } = await list();
  await calls[0]?.answer(page(["a"], "2"));
  expect([items.value, hasMore.value]).toEqual([["a"], true]);
  void more();
  await settled();
  expect([calls.length, calls[1]?.query.cursor]).toEqual([2, "2"]);
  await calls[1]?.answer(page(["b"]));
  expect([items.value, hasMore.value]).toEqual([["a", "b"], false]);
});

it("is read again as much more seldom as it has pages", async () => {
  const { more } = await list();
  await calls[0]?.answer(page(["a"], "2"));
  await pass(5_000);
  expect(calls).toHaveLength(2);
  await calls[1]?.answer(page(["a"], "2"));
  void more();
  await settled();
  await calls[2]?.answer(page(["b"]));
  await pass(9_999);
  expect(calls).toHaveLength(3);
  await pass(1);
  expect(calls).toHaveLength(4);
});

it("is not read again by itself once it is over", async () => {
  const isOver = ref(false);
  const read = (cursor: string | null, signal: AbortSignal) =>
    listAgents({ text: "" }, cursor, signal) as Promise<Page<unknown>>;
  mounted(() => usePagedList(["agents"], read, { isOver: () => isOver.value }));
  await settled();
  await calls[0]?.answer(page(["a"]));
  await pass(5_000);
  isOver.value = true;
  await calls[1]?.answer(page(["a"]));
  await pass(60_000);
  expect(calls).toHaveLength(2);
});

it("reads on where a filter has left a page empty, but not for ever", async () => {
  const { items } = await list();
  await calls[0]?.answer(page([], "2"));
  await calls[1]?.answer(page(["far"], null));
  expect(items.value).toEqual(["far"]);
});

it("shows what it has until another filter's list is there", async () => {
  const { items, text, isOutdated } = await list();
  await calls[0]?.answer(page(["a"]));
  text.value = "b";
  await settled();
  expect([items.value, isOutdated.value, calls[1]?.query.text]).toEqual([["a"], true, "b"]);
  await calls[1]?.answer(page(["b"]));
  expect([items.value, isOutdated.value]).toEqual([["b"], false]);
});
