import { onScopeDispose } from "vue";
import { useRouter } from "vue-router";
import { createReader, elementOf, neighbour, takesLetters, type Meaning } from "@/rules/shortcuts";
import { useShortcuts } from "@/stores/shortcuts";

/** Listens to the whole window for the panel's shortcuts, as long as who calls is there. */
export function useKeyboard(): void {
  const router = useRouter();
  const shortcuts = useShortcuts();
  const read = createReader();

  function listen(event: KeyboardEvent): void {
    if (isPaletteKey(event)) {
      event.preventDefault(); // a browser's own search would open
      if (isCovered() && !shortcuts.isPaletteOpen) return;
      shortcuts.isPaletteOpen = !shortcuts.isPaletteOpen;
      return;
    }
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing);
    if (!isPlain || event.defaultPrevented || !shortcuts.isOn) return;
    if (takesLetters(document.activeElement) || isCovered()) return;
    const meaning = read(event.key, event.timeStamp);
    if (meaning !== null && follow(meaning)) event.preventDefault();
  }

  /** Whether there was something to do. */
  function follow(meaning: Meaning): boolean {
    if (meaning.kind === "go") void router.push(meaning.to);
    else if (meaning.kind === "help") shortcuts.isHelpOpen = true;
    else return act(meaning);
    return true;
  }

  window.addEventListener("keydown", listen);
  onScopeDispose(() => window.removeEventListener("keydown", listen));
}

/** Ctrl-K, and Command-K on a Mac, also while somebody is typing. */
function isPaletteKey({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
  return key.toLowerCase() === "k" && ctrlKey !== metaKey && !altKey && !shiftKey;
}

/** A dialog is open: what lies below it is not to be reached. */
function isCovered(): boolean {
  return document.querySelector("[role=dialog], [role=alertdialog], [role=menu]") !== null;
}

function act(meaning: Exclude<Meaning, { kind: "go" } | { kind: "help" }>): boolean {
  const page = document.querySelector("main") ?? document;
  const element =
    meaning.kind === "row"
      ? neighbour(page, document.activeElement, meaning.by)
      : elementOf(meaning.key, page);
  if (element === null) return false;
  element.focus();
  if (meaning.kind === "page" && !takesLetters(element)) element.click();
  return true;
}
