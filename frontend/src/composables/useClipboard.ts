import { onScopeDispose, ref } from "vue";

const SHOWN_MS = 1_500;

/** Copies text; `copied` is what was copied, for the moment in which a button says so. */
export function useClipboard() {
  const copied = ref<string | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function copy(text: string): Promise<void> {
    await write(text);
    copied.value = text;
    clearTimeout(timer);
    timer = setTimeout(() => (copied.value = null), SHOWN_MS);
  }

  onScopeDispose(() => clearTimeout(timer));
  return { copied, copy };
}

async function write(text: string): Promise<void> {
  // Browsers offer the clipboard to secure pages only; a panel on plain HTTP selects and copies.
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  const parent = document.activeElement?.parentElement ?? document.body;
  parent.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
