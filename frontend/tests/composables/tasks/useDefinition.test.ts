import { describe, expect, it } from "vitest";
import { ref } from "vue";
import { useDefinition } from "@/composables/tasks/useDefinition";
import { mounted } from "../../mounted";

const TEXT = 'Name = "t" # why\n\n[[step]]\nCMD = "a"\n\n[[step]]\nCMD = "b"\n';

function defined(given = TEXT) {
  const text = ref(given);
  return mounted(() => useDefinition(text));
}

describe("a definition to build on", () => {
  it("takes back what was typed in one field as one change", () => {
    const { text, set, undo, redo, canUndo } = defined();
    for (const typed of ["m", "ma", "make"]) set(["step", 0, "CMD"], typed);
    set(["step", 0, "Timeout"], "1m");
    undo();
    expect(text.value).toBe(TEXT.replace('"a"', '"make"'));
    undo();
    expect([text.value, canUndo.value]).toEqual([TEXT, false]);
    redo();
    redo();
    expect(text.value).toContain('CMD = "make"\nTimeout = "1m"');
  });

  it("takes back what was written in the text meanwhile, and nothing is lost by it", () => {
    const { text, set, undo, steps } = defined();
    set(["step", 0, "CMD"], "x");
    text.value = 'Name = "other"\n';
    expect(steps.value).toEqual([]);
    undo();
    expect(text.value).toBe(TEXT.replace('"a"', '"x"'));
    undo();
    expect(text.value).toBe(TEXT);
  });

  it("changes nothing while the text is no TOML, and says where that was seen", () => {
    const { text, set, error, steps } = defined("Name = ");
    expect([error.value?.at, steps.value]).toEqual([7, []]);
    set(["Name"], "x");
    expect(text.value).toBe("Name = ");
  });

  it("names one agent alone, and several in a list", () => {
    const { text, setList } = defined("[[step]]\n");
    setList(["step", 0, "ServerID"], ["a"]);
    expect(text.value).toBe('[[step]]\nServerID = "a"\n');
    setList(["step", 0, "ServerID"], ["a", "b"]);
    expect(text.value).toBe('[[step]]\nServerID = ["a", "b"]\n');
  });

  it("arranges only steps that have headers", () => {
    expect(defined().canArrangeSteps.value).toBe(true);
    const listed = defined('Name = "t"\nstep = [{ CMD = "a" }, { CMD = "b" }]\n');
    expect([listed.canArrangeSteps.value, listed.steps.value.length]).toEqual([false, 2]);
    listed.set(["step", 1, "CMD"], "c");
    expect(listed.text.value).toContain('{ CMD = "c" }');
  });

  it("puts a key where another one goes as one change", () => {
    const { text, change, undo } = defined('[[step]]\nServerID = "a" # it\nCMD = "x"\n');
    change(["step", 0, "ServerID"], ["step", 0, "Targets"], { All: true });
    expect(text.value).toBe('[[step]]\nTargets = { All = true }\nCMD = "x"\n');
    undo();
    expect(text.value).toContain("# it");
  });
});
