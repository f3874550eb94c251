import { computed, shallowRef, watch, type Ref } from "vue";
import { removeKey, renameKey, setItems, setValue } from "@/rules/tasks/tomlEdit";
import { keyAt, orderAt } from "@/rules/tasks/keys";
import { parseToml, TomlError, type Path, type TomlDocument } from "@/rules/tasks/tomlParse";
import {
  countTables,
  insertTable,
  moveTable,
  removeTable,
  tableText,
} from "@/rules/tasks/tomlTables";
import { valueOf, type Table, type Value } from "@/rules/tasks/tomlValue";

const MOST_STEPS_BACK = 200;
const STEPS: Path = ["step"];
const PARAMS: Path = ["Params"];

/**
 * A definition as something to build on: what it says, and changes of it, each of which is the
 * smallest change of the text that does it, and can be taken back.
 */
export function useDefinition(text: Ref<string>) {
  const past = shallowRef<readonly string[]>([]);
  const future = shallowRef<readonly string[]>([]);
  /** Changes with the same mark, one after the other, are taken back as one. */
  let mark = "";
  let known = text.value;

  const parsed = computed((): { document: TomlDocument | null; error: TomlError | null } => {
    try {
      return { document: parseToml(text.value), error: null };
    } catch (error) {
      if (error instanceof TomlError) return { document: null, error };
      throw error;
    }
  });
  const document = computed(() => parsed.value.document);
  const root = computed((): Table => (document.value ? valueOf(document.value) : {}));
  const steps = computed((): Table[] => tables(root.value.step));
  const params = computed((): [string, Table][] => {
    const { Params: found } = root.value;
    return isTable(found) ? Object.entries(found).map(([name, each]) => [name, isTable(each) ? each : {}]) : [];
  });
  const headed = (around: Path) => (document.value ? countTables(document.value, around) : 0);
  /** Tables that stand in one list on a line, or by dots, cannot be moved: only the text can. */
  const canArrangeSteps = computed(() => headed(STEPS) === steps.value.length);
  const canArrangeParams = computed(() => headed(PARAMS) === params.value.length);

  watch(text, (now) => {
    if (now !== known) remember(known, "elsewhere"); // as in the other face
    known = now;
  }, { flush: "sync" });

  function remember(before: string, by: string): void {
    if (by === "" || by !== mark) past.value = [...past.value, before].slice(-MOST_STEPS_BACK);
    mark = by;
    future.value = [];
  }

  function become(now: string): void {
    known = now;
    text.value = now;
  }

  function edit(change: (document: TomlDocument) => string, by = ""): void {
    if (!document.value) return;
    const now = change(document.value);
    if (now === text.value) return;
    remember(text.value, by);
    become(now);
  }

  function undo(): void {
    const before = past.value[past.value.length - 1];
    if (before === undefined) return;
    past.value = past.value.slice(0, -1);
    future.value = [...future.value, text.value];
    mark = "";
    become(before);
  }

  function redo(): void {
    const after = future.value[future.value.length - 1];
    if (after === undefined) return;
    future.value = future.value.slice(0, -1);
    past.value = [...past.value, text.value];
    mark = "";
    become(after);
  }

  /** What there is now is where undo ends. */
  function forgetPast(): void {
    past.value = future.value = [];
    mark = "";
  }

  function valueAt(path: Path): Value | undefined {
    return path.reduce<Value | undefined>((around, part) => {
      if (typeof around !== "object" || around === null) return undefined;
      return (around as Record<string | number, Value | undefined>)[part];
    }, root.value);
  }

  const set = (path: Path, value: Value) =>
    edit((now) => setValue(now, path, value, orderAt), path.join("."));
  const setList = (path: Path, items: readonly string[]) =>
    edit((now) => setItems(now, path, items, orderAt, keyAt(path)?.about.kind === "agents"));
  const remove = (path: Path) => edit((now) => removeKey(now, path));
  const rename = (path: Path, name: string) => edit((now) => renameKey(now, path, name));

  /** Sets one key where another one goes, as one change. */
  function change(gone: Path, path: Path, value: Value): void {
    edit((now) => setValue(parseToml(removeKey(now, gone)), path, value, orderAt));
  }

  /** The same, where a key only gets another name. */
  function renameThenRemove(path: Path, name: string, gone: Path | null): void {
    edit((now) => {
      const renamed = renameKey(now, path, name);
      return gone === null ? renamed : removeKey(parseToml(renamed), gone);
    });
  }

  function addStep(body: string, at = steps.value.length): void {
    edit((now) => insertTable(now, STEPS, at, body));
  }

  function duplicateStep(index: number): void {
    edit((now) => insertTable(now, STEPS, index + 1, tableText(now, STEPS, index)));
  }

  const moveStep = (from: number, to: number) => edit((now) => moveTable(now, STEPS, from, to));
  const removeStep = (index: number) => edit((now) => removeTable(now, STEPS, index));
  const addParam = (name: string) =>
    edit((now) => insertTable(now, PARAMS, params.value.length, `[Params.${name}]\nDefault = ""`));
  const moveParam = (from: number, to: number) => edit((now) => moveTable(now, PARAMS, from, to));

  return {
    text,
    error: computed(() => parsed.value.error),
    root, steps, params, canArrangeSteps, canArrangeParams,
    canUndo: computed(() => past.value.length > 0),
    canRedo: computed(() => future.value.length > 0),
    valueAt, set, setList, remove, rename, change, renameThenRemove,
    addStep, duplicateStep, moveStep, removeStep, addParam, moveParam, undo, redo, forgetPast,
  };
}

export type Definition = ReturnType<typeof useDefinition>;

function isTable(value: Value | undefined): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tables(value: Value | undefined): Table[] {
  return Array.isArray(value) ? value.filter(isTable) : [];
}
