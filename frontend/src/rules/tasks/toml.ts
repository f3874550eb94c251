import { t } from "@/locales";
import { setValue } from "./tomlEdit";
import { parseToml, TomlError } from "./tomlParse";
import { formatValue } from "./tomlValue";
import type { Change } from "./tomlTables";

const SERVER_ID = /^(\s*ServerID\s*=\s*).*$/;

/** The definition that a new task begins with; `called` is the agent of its steps. */
export function starter(called: string | null): string {
  const agent = formatValue(called ?? t("task.putAgent"), '"');
  return `Name    = "${t("task.starterName")}"
Timeout = "10m"

# ${t("task.starterComment")}
[[step]]
Name     = "${t("task.starterFirst")}"
ServerID = ${agent}
Path     = "/tmp"
CMD      = "uname -a && df -h ."

[[step]]
Name     = "${t("task.starterSecond")}"
ServerID = ${agent}
Path     = "/tmp"
CMD      = "echo Hello from $PLUMBER_STEP"
Env      = { STAGE = "test" }
`;
}

/**
 * Puts an agent into a definition: on a line that has a ServerID, in its place; on an empty line,
 * there; else on a line of its own below.
 */
export function insertServerId(text: string, position: number, agentId: string): Change {
  const from = text.lastIndexOf("\n", position - 1) + 1;
  const end = text.indexOf("\n", position);
  const to = end === -1 ? text.length : end;
  const line = text.slice(from, to);
  const existing = SERVER_ID.exec(line);
  if (existing) return { from, to, insert: `${existing[1]}"${agentId}"` };
  const insert = `ServerID = "${agentId}"`;
  return line.trim() === "" ? { from, to, insert } : { from: to, to, insert: `\n${insert}` };
}

/** The definition of another task of the same steps; as it is where it cannot be read. */
export function copyOf(definition: string, name: string): string {
  try {
    return setValue(parseToml(definition), ["Name"], name);
  } catch (error) {
    if (error instanceof TomlError) return definition;
    throw error;
  }
}
