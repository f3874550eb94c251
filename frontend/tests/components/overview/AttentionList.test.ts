import { cleanup, fireEvent, render, screen } from "@testing-library/vue";
import { afterEach, expect, it } from "vitest";
import { createMemoryHistory, createRouter } from "vue-router";
import AttentionList from "@/components/overview/AttentionList.vue";
import type { Concern } from "@/rules/overview/attention";

afterEach(cleanup);

const LETTERS: Concern = {
  key: "letters", kind: "letters", tone: "bad", title: "2 pieces of work were given up", text: "Try again, or drop it.",
  at: null, to: null, action: "Look at it",
}; // prettier-ignore
const failing = (n: number): Concern => ({
  key: `failing ${n}`, kind: "failing", tone: "bad", title: `task ${n} failed`, text: "", at: null, to: `/runs/${n}`, action: "See why",
}); // prettier-ignore

function shown(concerns: Concern[], mayAct = true) {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: "/:rest(.*)*", component: { render: () => null } }] });
  return render(AttentionList, { props: { concerns, mayAct: () => mayAct }, global: { plugins: [router] } });
}

it("says so where nothing needs attention", () => {
  shown([]);
  expect(screen.getByTestId("attention-none").textContent).toContain("Nothing needs attention");
});

it("shows the worst, and the others when they are asked for", async () => {
  shown(Array.from({ length: 9 }, (_, n) => failing(n)));
  expect(screen.getAllByTestId("concern-failing")).toHaveLength(6);
  await fireEvent.click(screen.getByTestId("attention-more"));
  expect(screen.getAllByTestId("concern-failing")).toHaveLength(9);
  expect(screen.getByRole("link", { name: "task 8 failed" }).getAttribute("href")).toBe("/runs/8");
});

it("offers what is done in place to those alone who may do it", async () => {
  const { emitted, unmount } = shown([LETTERS]);
  await fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
  expect(emitted().look).toEqual([[LETTERS]]);
  unmount();
  shown([LETTERS], false);
  expect(screen.queryByRole("button")).toBeNull();
  expect(screen.getByTestId("concern-letters").textContent).toContain("An operator can look at it");
});
