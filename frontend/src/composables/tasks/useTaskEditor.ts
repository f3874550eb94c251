import { computed, ref } from "vue";
import { listAgents } from "@/api/agents";
import { ApiError, Code, hasCode } from "@/api/errors";
import { createTask, getTask, replaceTask } from "@/api/tasks";
import type { TaskDetail, TomlFault } from "@/api/types";
import { starter } from "@/rules/tasks/toml";

/** A task's definition while it is edited. Without an id it is a new one. */
export function useTaskEditor(id: string | undefined) {
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
  const fault = computed(() => {
    const { line, column } = faultOf(error.value);
    return line === null ? null : { line, column, message: (error.value as ApiError).message };
  });

  const warnings = computed(() => saved.value?.warnings ?? []);

  async function load(): Promise<void> {
    loadError.value = null;
    try {
      if (id === undefined) beginUnlessBegun(starter(await firstAgent()));
      else accept(await getTask(id));
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
      if (typedOn !== definition) text.value = typedOn;
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
    saved, text, error, loadError, theirs, isLoaded, isBusy, isChanged, fault, warnings,
    load, save, saveOverTheirs, takeTheirs,
  };
}

async function firstAgent(): Promise<string | null> {
  const { items } = await listAgents({ status: "online" }, null);
  return items[0]?.id ?? null;
}

function faultOf(error: unknown): TomlFault {
  const nowhere = { line: null, column: null, key: null };
  if (!hasCode(error, Code.badParameter)) return nowhere;
  return { ...nowhere, ...(error.details as Partial<TomlFault> | null) };
}
