import { cleanup, fireEvent, render, screen, within } from "@testing-library/vue";
import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ApiError, Code } from "@/api/errors";
import DataTable from "@/components/ui/DataTable.vue";
import type { Column } from "@/rules/table";

interface Row {
  id: string;
  size: number;
}

const rows: Row[] = [
  { id: "agent-10", size: 2 },
  { id: "agent-9", size: 3 },
  { id: "agent-11", size: 1 },
];
const columns: Column<Row>[] = [
  { key: "name", title: "Name", order: (row) => row.id },
  { key: "size", title: "Size", order: (row) => row.size },
];

beforeEach(() => setActivePinia(createPinia()));
afterEach(cleanup);

function table(props: object) {
  return render(DataTable, {
    props: { label: "Agents", columns, rows, keyOf: (row: Row) => row.id, ...props },
    slots: { name: "{{ params.row.id }}", empty: "Nothing here", bulk: "Remove them" },
  } as never);
}

const shown = () => {
  const [, ...body] = screen.getAllByRole("row");
  return body.map((row) => within(row).getAllByRole("cell")[0]?.textContent);
};

it("is sorted up, down and as it came, numbers in names as numbers", async () => {
  table({});
  const came = shown();
  const press = () => fireEvent.click(screen.getByRole("button", { name: "Name" }));
  const header = screen.getByRole("columnheader", { name: "Name" });
  await press();
  expect(header.getAttribute("aria-sort")).toBe("ascending");
  const up = shown();
  await press();
  expect(header.getAttribute("aria-sort")).toBe("descending");
  expect(shown()).toEqual([...up].reverse());
  await press();
  expect([header.getAttribute("aria-sort"), shown()]).toEqual([null, came]);
});

it("has a face for loading, for nothing, and for a failure with a way on", async () => {
  const { rerender, emitted } = table({ isLoading: true, rows: [] });
  screen.getByRole("status", { name: "Loading…" });
  await rerender({ isLoading: false });
  screen.getByText("Nothing here");
  await rerender({ error: new ApiError(Code.unreachable, "") });
  expect(screen.getByRole("alert").textContent).toContain("cannot be reached");
  await fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(emitted("retry")).toHaveLength(1);
});

it("keeps its rows when a later call fails, and says so above them", () => {
  table({ error: new ApiError(Code.unreachable, "") });
  expect(screen.getAllByRole("row")).toHaveLength(4);
  expect(screen.getByRole("alert").textContent).toContain("Trying again");
});

it("lets rows be chosen, one by one and all, and says how many", async () => {
  const { emitted, rerender } = table({ selected: new Set() });
  const [all, first] = screen.getAllByRole("checkbox");
  await fireEvent.click(first as HTMLElement);
  expect(emitted("update:selected")[0]).toEqual([new Set(["agent-10"])]);
  await rerender({ selected: new Set(["agent-10"]) });
  expect(screen.getByText("Chosen: 1")).toBeTruthy();
  expect((all as HTMLInputElement).indeterminate).toBe(true);
  await fireEvent.click(all as HTMLElement);
  expect(emitted("update:selected")[1]).toEqual([new Set(rows.map((row) => row.id))]);
  await rerender({ selected: new Set(rows.map((row) => row.id)) });
  await fireEvent.click(all as HTMLElement);
  expect(emitted("update:selected")[2]).toEqual([new Set()]);
});

it("chooses a row with x, and all up to another one with Shift", async () => {
  const { emitted, rerender } = table({ selected: new Set() });
  const [, first, , third] = screen.getAllByRole("row");
  await fireEvent.keyDown(within(first as HTMLElement).getAllByRole("cell")[1] as HTMLElement, { key: "x" });
  expect(emitted("update:selected")[0]).toEqual([new Set(["agent-10"])]);
  await rerender({ selected: new Set(["agent-10"]) });
  await fireEvent.keyDown(third as HTMLElement, { key: "X", shiftKey: true });
  expect(emitted("update:selected")[1]).toEqual([new Set(rows.map((row) => row.id))]);
  await fireEvent.keyDown(third as HTMLElement, { key: "x", ctrlKey: true });
  expect(emitted("update:selected")).toHaveLength(2);
});

it("lets go of all that are chosen", async () => {
  const { emitted } = table({ selected: new Set(["agent-9"]) });
  await fireEvent.click(screen.getByRole("button", { name: "Clear" }));
  expect(emitted("update:selected")[0]).toEqual([new Set()]);
});
