import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { createApp, h, nextTick, reactive } from "vue";
import { describe, expect, it } from "vitest";
import type { TaskWarning, TomlFault } from "@/api/types";
import { completing } from "@/components/tasks/editor/completion";
import TomlEditor from "@/components/tasks/TomlEditor.vue";

function edited(text: string, warnings: TaskWarning[]) {
  const given = reactive({ modelValue: text, warnings, faults: [] as TomlFault[] });
  const place = document.body.appendChild(document.createElement("div"));
  const app = createApp({ render: () => h(TomlEditor as never, { ...given, label: "it" }) });
  app.mount(place);
  const marked = (kind: string) => place.querySelectorAll(`.cm-lintRange-${kind}`).length;
  return { given, marked, unmount: () => app.unmount() };
}

const warning = (line: number | null) => ({ line, key: "step[1].CMD", message: "look" });
const fault = (line: number | null) => ({ ...warning(line), column: null });

describe("the editor of a definition", () => {
  it("marks what should be looked at, and only the faults while there are any", async () => {
    const { given, marked, unmount } = edited('Name = "a"\nCMD = "b"\n', []);
    expect(marked("warning")).toBe(0);
    given.warnings = [warning(2), warning(null), warning(99)];
    await nextTick();
    expect(marked("warning")).toBe(1);
    given.faults = [fault(1), fault(2), fault(null)];
    await nextTick();
    expect([marked("warning"), marked("error")]).toEqual([0, 2]);
    given.faults = [];
    await nextTick();
    expect([marked("warning"), marked("error")]).toEqual([1, 0]);
    unmount();
  });
});

describe("completion", () => {
  async function offered(text: string): Promise<string[]> {
    const at = text.indexOf("|");
    const state = EditorState.create({ doc: text.replace("|", "") });
    const find = completing((typed) => Promise.resolve([`${typed}b-1`]));
    const found = await find(new CompletionContext(state, at, true));
    return found?.options.map(({ label }) => label) ?? [];
  }

  it("offers what can stand there, and nothing that is there already", async () => {
    expect(await offered("[[step]]\nCMD = 'x'\n|")).toEqual(expect.arrayContaining(["Name", "Targets"]));
    expect(await offered("[[step]]\nCMD = 'x'\n|")).not.toContain("CMD");
    expect(await offered('[[step]]\nWhen = "|')).toEqual(["success", "failure", "always"]);
    expect(await offered("[[step]]\nWhen = |")).toContain('"failure"');
    expect(await offered('[[step]]\nServerID = "we|')).toEqual(["web-1"]);
    expect(await offered("Template = |")).toEqual(["true", "false"]);
    expect(await offered("[|")).toEqual(["[[step]]", "[Params.name]"]);
    expect(await offered("# |")).toEqual([]);
  });
});
