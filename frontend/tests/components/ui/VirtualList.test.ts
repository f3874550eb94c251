import { cleanup, render } from "@testing-library/vue";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { h, nextTick, type Component } from "vue";
import VirtualList from "@/components/ui/VirtualList.vue";

const ROW_PX = 40;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function list(count: number) {
  const rows = Array.from({ length: count }, (_, n) => `row ${n + 1}`);
  const ended = vi.fn();
  const props = { label: "Rows", rows, keyOf: (row: string) => row, rowPx: ROW_PX, onEnd: ended };
  const drawn = ({ row }: { row: string }) => h("span", row);
  const shown = render(() => h(VirtualList as Component, props, { default: drawn }));
  const host = shown.getByRole("region");
  async function scrollTo(row: number): Promise<void> {
    host.scrollTop = (row - 1) * ROW_PX;
    host.dispatchEvent(new Event("scroll"));
    await nextTick();
  }
  const numbers = () => shown.getAllByRole("listitem").map((each) => Number(each.getAttribute("aria-posinset")));
  return { ...shown, scrollTo, numbers, ended };
}

it("makes only the rows around those that are in view, each in its place", async () => {
  const { numbers, scrollTo, getByText, queryByText } = list(1_000);
  expect([numbers()[0], numbers().length < 60]).toEqual([1, true]);
  expect(queryByText("row 500")).toBeNull();
  await scrollTo(500);
  expect(numbers()).toContain(500);
  expect(numbers().length).toBeLessThan(60);
  const item = getByText("row 500").closest("li");
  expect(item?.style.top).toBe(`${499 * ROW_PX}px`);
  expect(item?.getAttribute("aria-setsize")).toBe("1000");
});

it("says when its end comes near, and not before", async () => {
  const { scrollTo, ended } = list(200);
  await scrollTo(50);
  expect(ended).not.toHaveBeenCalled();
  await scrollTo(190);
  expect(ended).toHaveBeenCalledOnce();
});
