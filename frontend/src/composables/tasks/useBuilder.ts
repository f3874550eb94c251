import { inject, provide, type InjectionKey } from "vue";
import type { TomlFault } from "@/api/types";
import { spelled } from "@/rules/tasks/keys";
import type { Path } from "@/rules/tasks/tomlParse";
import type { Definition } from "./useDefinition";

/** What the fields of the step builder share. */
export interface Builder {
  definition: Definition;
  /** What is wrong with the key at a path, or below it. */
  faultAt: (path: Path) => string | null;
  hasFault: (path: Path) => boolean;
  /** An agent's name, where a definition has its id. */
  agentName: (called: string) => string;
}

const KEY: InjectionKey<Builder> = Symbol("builder");

export function provideBuilder(
  definition: Definition,
  faults: () => readonly TomlFault[],
  agents: () => Readonly<Record<string, string>>,
): Builder {
  const within = (path: Path) => {
    const name = spelled(path);
    return faults().find(({ key }) => key !== null && isBelow(key, name));
  };
  const builder: Builder = {
    definition,
    faultAt: (path) => {
      const found = within(path);
      return found ? reasonOf(found) : null;
    },
    hasFault: (path) => within(path) !== undefined,
    agentName: (called) => agents()[called] ?? called,
  };
  provide(KEY, builder);
  return builder;
}

export function useBuilder(): Builder {
  const found = inject(KEY);
  if (!found) throw new Error("A field of the builder stands outside of it.");
  return found;
}

function isBelow(key: string, name: string): boolean {
  return key === name || key.startsWith(`${name}.`) || key.startsWith(`${name}[`);
}

/** Without the place, `line 7, step 2 ('x'), CMD:`, which is where it is shown. */
function reasonOf({ key, message }: TomlFault): string {
  const last = key?.split(".").pop() ?? "";
  const at = message.indexOf(`, ${last}: `);
  const reason = at < 0 ? message : message.slice(at + last.length + 4);
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}
