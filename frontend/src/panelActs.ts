import { Keyboard, Languages, LogOut, Moon, Plus, Sun, Ticket } from "lucide-vue-next";
import { computed, type Component, type ComputedRef } from "vue";
import { useRouter } from "vue-router";
import { chooseLanguage, language, LANGUAGES, t, type Language } from "./locales";
import { usePlaces } from "./places";
import type { Entry } from "@/rules/palette";
import { keysTo } from "@/rules/shortcuts";
import { useSession } from "@/stores/access/session";
import { useShortcuts } from "@/stores/shortcuts";
import { useTheme } from "@/stores/theme";

/** An entry of the command palette with what it does. */
export interface Act extends Entry {
  icon?: Component;
  /** The keys that do the same, one after the other. */
  keys?: readonly string[];
  act: () => unknown;
}

/** Pages to go to and things to do that need nothing of the control plane to be known. */
export function usePanelActs(): ComputedRef<Act[]> {
  const router = useRouter();
  const places = usePlaces();
  const session = useSession();
  const shortcuts = useShortcuts();
  const theme = useTheme();

  const going = computed<Act[]>(() =>
    places.value.map((place) => ({
      id: `go ${place.to}`,
      group: t("palette.places"),
      text: place.text,
      icon: place.icon,
      keys: keysTo(place.to),
      act: () => router.push(place.to),
    })),
  );

  const doing = computed<Act[]>(() => {
    const other = theme.shown === "dark" ? "light" : "dark";
    return [
      ...(session.can("tasks:write")
        ? [act("new-task", t("tasks.new"), Plus, () => router.push("/tasks/new"))]
        : []),
      ...(session.can("enrollments:write")
        ? [
            act("add-agent", t("agents.add"), Plus, () => router.push("/agents?add")),
            act("enrollments", t("joinTokens.title"), Ticket, () => router.push("/enrollments")),
          ]
        : []),
      ...(session.can("tokens:write")
        ? [act("new-token", t("tokens.new"), Plus, () => router.push("/tokens?new"))]
        : []),
      act("theme", t(`palette.${other}`), other === "dark" ? Moon : Sun, () => theme.choose(other)),
      ...otherLanguages().map(([tag, name]) => ({
        ...act(`language ${tag}`, name, Languages, () => chooseLanguage(tag)),
        words: t("nav.language"),
      })),
      { ...act("keys", t("shortcuts.title"), Keyboard, () => (shortcuts.isHelpOpen = true)), keys: ["?"] },
      act("sign-out", t("nav.signOut"), LogOut, () => session.signOut()),
    ];
  });

  return computed(() => [...going.value, ...doing.value]);
}

function act(id: string, text: string, icon: Component, does: () => unknown): Act {
  return { id, group: t("palette.acts"), text, icon, act: does };
}

function otherLanguages(): [Language, string][] {
  const all = Object.entries(LANGUAGES) as [Language, string][];
  return all.filter(([tag]) => tag !== language.value);
}
