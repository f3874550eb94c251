import { createApp, h, nextTick, reactive } from "vue";
import { describe, expect, it } from "vitest";
import type { TaskWarning } from "@/api/types";
import TomlEditor from "@/components/tasks/TomlEditor.vue";

function edited(text: string, warnings: TaskWarning[]) {
  const given = reactive({ modelValue: text, warnings, fault: null as null | object });
  const place = document.body.appendChild(document.createElement("div"));
  const app = createApp({ render: () => h(TomlEditor as never, { ...given, label: "it" }) });
  app.mount(place);
  const marked = (kind: string) => place.querySelectorAll(`.cm-lintRange-${kind}`).length;
  return { given, marked, unmount: () => app.unmount() };
}

const warning = (line: number | null) => ({ line, key: "step[1].CMD", message: "look" });

describe("the editor of a definition", () => {
  it("marks what should be looked at, and the fault alone while there is one", async () => {
    const { given, marked, unmount } = edited('Name = "a"\nCMD = "b"\n', []);
    expect(marked("warning")).toBe(0);
    given.warnings = [warning(2), warning(null), warning(99)];
    await nextTick();
    expect(marked("warning")).toBe(1);
    given.fault = { line: 1, column: null, message: "wrong" };
    await nextTick();
    expect([marked("warning"), marked("error")]).toEqual([0, 1]);
    given.fault = null;
    await nextTick();
    expect([marked("warning"), marked("error")]).toEqual([1, 0]);
    unmount();
  });
});
