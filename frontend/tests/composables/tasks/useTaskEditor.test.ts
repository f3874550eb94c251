import { afterEach, describe, expect, it } from "vitest";
import { useTaskEditor } from "@/composables/tasks/useTaskEditor";
import { farSide, pass, settled, stopTime, type Call } from "../../farSide";
import { mounted } from "../../mounted";

const QUIET_MS = 250;
const task = (definition: string, revision = 1) => ({
  task: { id: "T", name: "t", revision, step_count: 1 },
  definition,
  warnings: [],
  agents: {},
  params: [],
  steps: [],
});
const fault = { line: 1, column: null, key: "Name", message: "line 1, Name: is too long." };

afterEach(() => sessionStorage.clear());

async function opened(calls: Call[], definition: string, revision = 1) {
  const editor = mounted(() => useTaskEditor("T", () => true));
  await settled();
  await calls[calls.length - 1]?.answer(task(definition, revision));
  return editor;
}

describe("what was typed and not saved", () => {
  it("is there again after a reload, until it is saved or given up", async () => {
    const calls = farSide();
    const first = await opened(calls, "saved");
    first.text.value = "typed";
    await settled();
    first.unmount();
    mounted(() => useTaskEditor("T", () => true)).unmount(); // before it has come

    const again = await opened(calls, "saved");
    expect([again.text.value, again.wasRestored.value, again.isChanged.value]).toEqual(["typed", true, true]);
    again.giveUp();
    expect([again.text.value, again.wasRestored.value]).toEqual(["saved", false]);
    again.unmount();

    const last = await opened(calls, "saved");
    expect([last.text.value, last.wasRestored.value]).toEqual(["saved", false]);
  });

  it("meets what somebody else has saved meanwhile as a conflict", async () => {
    const calls = farSide();
    const first = await opened(calls, "saved");
    first.text.value = "typed";
    first.unmount();

    const again = await opened(calls, "theirs", 2);
    expect(again.text.value).toBe("typed");
    expect(again.theirs.value?.definition).toBe("theirs");
    expect(again.saved.value?.task.revision).toBe(1);
    again.giveUp();
    expect([again.text.value, again.theirs.value, again.saved.value?.task.revision]).toEqual(["theirs", null, 2]);
  });

  it("is not kept where there is nothing to keep", async () => {
    const calls = farSide();
    const editor = await opened(calls, "saved");
    editor.text.value = "typed";
    await settled();
    editor.text.value = "saved";
    editor.unmount();
    expect(sessionStorage.length).toBe(0);
  });
});

describe("a definition while it is typed", () => {
  it("is checked once somebody has stopped typing, and only the newest answer counts", async () => {
    stopTime();
    const calls = farSide();
    const editor = await opened(calls, "saved");
    editor.text.value = "a";
    await pass(QUIET_MS / 2);
    editor.text.value = "ab";
    await pass(QUIET_MS);
    expect(calls.map(({ path }) => path)).toEqual(["/tasks/T", "/tasks/validate"]);
    editor.text.value = "abc";
    await pass(QUIET_MS);
    expect(calls[1]?.isAborted).toBe(true);
    await calls[2]?.refuseToml([fault]);
    expect(editor.faults.value).toEqual([fault]);
    expect(editor.isChecked.value).toBe(true);
    editor.text.value = "saved";
    await settled();
    expect(editor.faults.value).toEqual([]);
  });

  it("says at its name that another task bears it", async () => {
    stopTime();
    const calls = farSide();
    const editor = await opened(calls, "saved");
    editor.text.value = "other";
    await pass(QUIET_MS);
    await calls[1]?.answer({ name: "x", task_id: "U", params: [], steps: [], agents: {}, warnings: [] });
    expect(editor.faults.value.map(({ key }) => key)).toEqual(["Name"]);
  });
});
