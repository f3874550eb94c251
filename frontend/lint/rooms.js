import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));

/** The same names as in the product's other parts; a new area is added here with its first file. */
const AREAS = new Set(["access", "agents", "logs", "overview", "runs", "tasks"]);

/** Imports point to the same row or one above it. What lies in `src` itself may import all. */
const RANKS = { locales: 0, rules: 0, api: 0, stores: 1, composables: 2, components: 3, pages: 4 };

/** What an area needs of another one, each with its reason. */
const NEEDS = {
  // Who is signed in, and what they may do: any area hides what would be refused.
  "stores/access/session": AREAS,
  // A new task begins with the name of an agent; whom steps and commands fit is counted.
  "api/agents": new Set(["runs", "tasks"]),
};

/** Where a module of `src` lies: its layer, and its area, null when it knows none. */
function placeOf(module) {
  const [layer, room, ...rest] = module.split("/");
  if (!(layer in RANKS)) return null;
  if (rest.length > 0) return { layer, room, area: room === "ui" ? null : room };
  const name = room?.replace(/\..*$/, "");
  return { layer, room: "", area: layer === "api" && AREAS.has(name) ? name : null };
}

function isRoom({ layer, room }) {
  return room === "" || AREAS.has(room) || (room === "ui" && layer === "components");
}

/** The path below `src` of what is imported; null for a package and for what lies elsewhere. */
function moduleOf(source, importer) {
  if (source.startsWith("@/")) return source.slice(2);
  if (!source.startsWith(".")) return null;
  const path = relative(SRC, join(dirname(importer), source)).split(sep).join("/");
  return path.startsWith("..") ? null : path;
}

/** Why a module may not import another one, null when it may. */
function objection(from, module) {
  const to = placeOf(module);
  if (to === null) return `Nothing in ${from.layer} imports what puts the panel together.`;
  if (RANKS[to.layer] > RANKS[from.layer]) return `${from.layer} import nothing of ${to.layer}.`;
  if (from.layer === "pages" || to.area === null || to.area === from.area) return null;
  if (from.area === null) return `This knows no area, so it imports nothing of '${to.area}'.`;
  if (NEEDS[module.replace(/\.\w+$/, "")]?.has(from.area)) return null;
  return (
    `'${from.area}' imports nothing of '${to.area}'. Put the two together in a page, ` +
    "or move what both need to where no area is known."
  );
}

/** Each file lies in a room that is known, and imports only what docs/architecture.md lets it. */
export default {
  meta: { type: "problem", schema: [] },
  create(context) {
    const file = context.filename;
    const from = placeOf(relative(SRC, file).split(sep).join("/"));
    if (from === null) return {};
    const check = ({ source }) => {
      if (typeof source?.value !== "string") return;
      const module = moduleOf(source.value, file);
      const message = module === null ? null : objection(from, module);
      if (message !== null) context.report({ node: source, message });
    };
    return {
      Program(node) {
        if (isRoom(from)) return;
        context.report({ node, message: `'${from.room}' is no area, see lint/rooms.js.` });
      },
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};
