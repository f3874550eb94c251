import { computed, ref, watch } from "vue";
import { listAgents } from "@/api/agents";
import { Code, hasCode } from "@/api/errors";
import { createTask, getTask, replaceTask } from "@/api/tasks";
import type { TaskDetail, TomlFault } from "@/api/types";
import { t } from "@/locales";
import { starter } from "@/rules/tasks/toml";
import { useDefinition } from "./useDefinition";
import { useDraft, type Draft } from "./useDraft";
import { faultsOf, useTaskCheck } from "./useTaskCheck";

/**
 * A task's definition while it is edited. Without an id it is a new one. What was typed and not saved
 * is there again after a reload, or once somebody has signed in anew. `mayWrite` says whether what is
 * there is checked while it is typed; `copied` is a definition that a new task begins with.
 */
export function useTaskEditor(
  id: string | undefined,
  mayWrite: () => boolean,
  copied: string | null = null,
) {
  const saved = ref<TaskDetail | null>(null);
  const text = ref("");
  const error = ref<unknown>(null);
  const loadError = ref<unknown>(null);
  /** What somebody else saved while this one was being edited. */
  const theirs = ref<TaskDetail | null>(null);
  const isLoaded = ref(false);
  const isBusy = ref(false);
  const untouched = ref("");

  const isChanged = computed(() => text.value !== untouched.value);
  const wasRestored = ref(false);
  const definition = useDefinition(text);
  const check = useTaskCheck(text, () => isLoaded.value && isChanged.value && mayWrite());
  const draft = useDraft(id, text, unsaved);

  const nameTaken = computed((): TomlFault | null => {
    const { task_id: bearer } = check.checked.value ?? { task_id: null };
    if (bearer === null || bearer === saved.value?.task.id || check.faults.value.length > 0) return null;
    return { line: null, column: null, key: "Name", message: t("task.nameTaken") };
  });
  /** What is known to be wrong: as it was refused, or as it was typed since. */
  const faults = computed((): readonly TomlFault[] => {
    const refused = faultsOf(error.value);
    if (refused.length > 0 || !isChanged.value) return refused;
    return nameTaken.value ? [nameTaken.value, ...check.faults.value] : check.faults.value;
  });
  const warnings = computed(() => {
    const { checked } = check;
    return (isChanged.value && checked.value ? checked.value : saved.value)?.warnings ?? [];
  });
  /** What the agents are called that the steps name by their ids. */
  const agents = computed(() => ({ ...saved.value?.agents, ...check.checked.value?.agents }));

  // What was refused is not what is there any more: the check says what is wrong with that.
  watch(text, () => {
    if (hasCode(error.value, Code.badParameter)) error.value = null;
  });

  function unsaved(): Draft | null | undefined {
    if (!isLoaded.value) return undefined;
    if (!isChanged.value) return null;
    return { definition: text.value, revision: saved.value?.task.revision ?? null };
  }

  /** Goes on with what was typed before, over what is saved now. */
  function resume(found: Draft | null): void {
    if (found === null || found.definition === text.value) return;
    text.value = found.definition;
    wasRestored.value = true;
    const now = saved.value;
    if (now === null || found.revision === null || found.revision === now.task.revision) return;
    theirs.value = now;
    saved.value = { ...now, task: { ...now.task, revision: found.revision } };
  }

  /** Back to what is saved. */
  function giveUp(): void {
    wasRestored.value = false;
    if (theirs.value) takeTheirs();
    text.value = untouched.value;
    draft.forget();
  }

  async function load(): Promise<void> {
    loadError.value = null;
    const before = draft.read();
    try {
      if (id === undefined) beginUnlessBegun(starter(await firstAgent()));
      else accept(await getTask(id));
      definition.forgetPast();
      if (copied === null) resume(before);
      else text.value = copied;
    } catch (caught) {
      loadError.value = caught;
    }
  }

  /** Somebody may have picked a template before the first agent was known. */
  function beginUnlessBegun(definition: string): void {
    if (text.value === "") begin(definition);
    isLoaded.value = true;
  }

  function begin(definition: string): void {
    text.value = definition;
    untouched.value = definition;
    isLoaded.value = true;
  }

  function accept(task: TaskDetail): void {
    saved.value = task;
    theirs.value = null;
    error.value = null;
    begin(task.definition);
  }

  /** Answers the saved task, or null when it was refused: `error` or `theirs` says why then. */
  async function save(): Promise<TaskDetail | null> {
    if (isBusy.value) return null;
    isBusy.value = true;
    error.value = null;
    const definition = text.value;
    try {
      const task = await send(definition);
      const typedOn = text.value;
      accept(task);
      wasRestored.value = false;
      if (typedOn !== definition) text.value = typedOn;
      draft.keep();
      return task;
    } catch (caught) {
      await explain(caught);
      return null;
    } finally {
      isBusy.value = false;
    }
  }

  function send(definition: string): Promise<TaskDetail> {
    if (saved.value === null) return createTask(definition);
    const { task } = saved.value;
    return replaceTask(task.id, definition, task.revision);
  }

  /** A conflict is either a name that is taken, or another revision than the one that was read. */
  async function explain(caught: unknown): Promise<void> {
    error.value = caught;
    if (!hasCode(caught, Code.conflict) || saved.value === null) return;
    const current = await getTask(saved.value.task.id).catch(() => null);
    if (current && current.task.revision !== saved.value.task.revision) {
      theirs.value = current;
      error.value = null;
    }
  }

  /** Saves over what somebody else saved meanwhile; their revision stays in the list. */
  function saveOverTheirs(): Promise<TaskDetail | null> {
    if (theirs.value) saved.value = theirs.value;
    theirs.value = null;
    return save();
  }

  function takeTheirs(): void {
    if (theirs.value) accept(theirs.value);
  }

  void load();
  return {
    saved, text, definition, error, loadError, theirs, isLoaded, isBusy, isChanged, faults, warnings, agents,
    isChecked: check.isUpToDate, wasRestored, load, save, saveOverTheirs, takeTheirs, giveUp, forgetDraft: draft.forget,
  };
}

export type TaskEditor = ReturnType<typeof useTaskEditor>;

/** By its name, where no other one bears that. */
async function firstAgent(): Promise<string | null> {
  const { items } = await listAgents({ status: "online" }, null);
  const [first] = items;
  if (!first) return null;
  return items.filter(({ name }) => name === first.name).length > 1 ? first.id : first.name;
}
