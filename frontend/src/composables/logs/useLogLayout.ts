import { onScopeDispose, shallowRef, triggerRef, watch, type Ref } from "vue";
import type { StreamName } from "@/api/types";
import { Layout } from "@/rules/logs/layout";
import type { LogLines } from "@/rules/logs/lines";
import { runInSlices } from "@/rules/logs/slices";

/**
 * The rows of a log's lines for one stream (null: all) and width. It is made in slices of time, the
 * old one stays until then.
 */
export function useLogLayout(
  lines: LogLines,
  version: Readonly<Ref<number>>,
  stream: Readonly<Ref<StreamName | null>>,
  columns: Readonly<Ref<number | null>>,
) {
  const layout = shallowRef(new Layout(lines, null, null));
  let next = layout.value;
  let isDisposed = false;
  let isRunning = false;
  /** How often something changed, and which of these changes is shown. */
  let asked = 1;
  let done = 0;

  async function update(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    while (!isDisposed && done !== asked) {
      const turn = asked;
      if (!isWanted(next)) next = new Layout(lines, stream.value, columns.value);
      const made = next;
      if (!(await runInSlices(made.extend(), () => !isDisposed && isWanted(made)))) continue;
      if (!isWanted(made)) continue;
      done = turn;
      show(made);
    }
    isRunning = false;
  }

  function show(made: Layout): void {
    if (layout.value === made) triggerRef(layout);
    else layout.value = made;
  }

  function isWanted(made: Layout): boolean {
    return made.stream === stream.value && made.columns === columns.value && !made.isStale;
  }

  function change(): void {
    asked++;
    void update();
  }

  watch([version, stream, columns], change);
  onScopeDispose(() => (isDisposed = true));
  void update();
  return layout;
}
