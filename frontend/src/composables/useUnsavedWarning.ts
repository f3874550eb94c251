import { onScopeDispose, type Ref } from "vue";

/** Has the browser ask before the tab is closed while something is not saved. */
export function useUnsavedWarning(isDirty: Readonly<Ref<boolean>>): void {
  const warn = (event: BeforeUnloadEvent) => {
    if (isDirty.value) event.preventDefault();
  };
  window.addEventListener("beforeunload", warn);
  onScopeDispose(() => window.removeEventListener("beforeunload", warn));
}
