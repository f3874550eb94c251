import { createApp } from "vue";
import { describe, expect, it } from "vitest";
import type { Progress } from "@/api/types";
import ProgressBar from "@/components/runs/ProgressBar.vue";

function shown(progress: Progress) {
  const place = document.createElement("div");
  createApp(ProgressBar, { progress }).mount(place);
  const widths = [...place.querySelectorAll("span")].map((part) => part.style.width);
  return { widths, text: place.querySelector("p")?.textContent?.trim() };
}

describe("a progress bar", () => {
  it("is as long as the way that was gone, whatever is ahead", () => {
    const counts = { succeeded: 3, failed: 1 };
    expect(shown({ total: null, ended: 4, percent: 20, counts })).toEqual({
      widths: ["15%", "5%"],
      text: "20 % · 3 succeeded, 1 failed, more to come",
    });
    expect(shown({ total: 10, ended: 4, percent: 40, counts })).toEqual({
      widths: ["30%", "10%"],
      text: "40 % · 3 succeeded, 1 failed, 6 to go",
    });
  });

  it("begins empty", () => {
    expect(shown({ total: 5, ended: 0, percent: 0, counts: {} })).toEqual({
      widths: [],
      text: "0 % · 5 to go",
    });
  });
});
