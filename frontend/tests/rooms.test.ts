// @vitest-environment node
import { fileURLToPath } from "node:url";
import { ESLint } from "eslint";
import { expect, it } from "vitest";

const eslint = new ESLint({ cwd: fileURLToPath(new URL("..", import.meta.url)) });

/** What the rule says of a file of `src` that imports this. */
async function objections(file: string, code: string): Promise<string[]> {
  const text = file.endsWith(".vue") ? `<script setup lang="ts">\n${code}\n</script>` : code;
  const [result] = await eslint.lintText(text, { filePath: `src/${file}` });
  const ours = result?.messages.filter(({ ruleId }) => ruleId === "panel/rooms") ?? [];
  return ours.map(({ message }) => message);
}

const imports = (module: string) => `import { x } from "${module}";`;

it.each([
  ["components/ui/A.vue", "@/components/ui/B.vue"],
  ["components/ui/A.vue", "@/stores/notices"],
  ["components/runs/A.vue", "./B.vue"],
  ["components/runs/A.vue", "@/components/ui/B.vue"],
  ["components/runs/A.vue", "@/composables/runs/useRun"],
  ["components/runs/A.vue", "@/stores/access/session"],
  ["composables/tasks/useA.ts", "@/api/agents"],
  ["composables/runs/useA.ts", "@/api/agents"],
  ["pages/runs/A.vue", "@/components/logs/LogPanel.vue"],
  ["router.ts", "./pages/runs/RunPage.vue"],
  ["components/runs/A.vue", "reka-ui"],
])("%s may import %s", async (file, module) => {
  expect(await objections(file, imports(module))).toEqual([]);
});

it.each([
  ["components/ui/A.vue", "@/components/runs/B.vue", /knows no area/],
  ["components/ui/A.vue", "../runs/B.vue", /knows no area/],
  ["components/ui/A.vue", "@/api/runs", /knows no area/],
  ["components/ui/A.vue", "@/stores/access/session", /knows no area/],
  ["composables/useA.ts", "@/rules/logs/text", /knows no area/],
  ["components/runs/A.vue", "@/components/logs/B.vue", /'runs' imports nothing of 'logs'/],
  ["api/runs.ts", "./logs", /'runs' imports nothing of 'logs'/],
  ["composables/logs/useA.ts", "@/api/agents", /'logs' imports nothing of 'agents'/],
  ["composables/runs/useA.ts", "@/components/runs/B.vue", /composables import nothing of components/],
  ["components/runs/A.vue", "@/pages/runs/RunPage.vue", /components import nothing of pages/],
  ["components/runs/A.vue", "@/router", /what puts the panel together/],
])("%s may not import %s", async (file, module, why) => {
  expect(await objections(file, imports(module))).toEqual([expect.stringMatching(why)]);
});

it("an import at a later time, an export and a type count too", async () => {
  const each = [
    'void import("@/components/logs/B.vue");',
    'export * from "@/api/logs";',
    'export { x } from "@/api/logs";',
    'import type { X } from "@/api/logs";',
  ];
  expect(await objections("composables/runs/useA.ts", each.join("\n"))).toHaveLength(4);
});

it("a folder that is no area is found", async () => {
  expect(await objections("components/misc/A.vue", "")).toEqual([
    "'misc' is no area, see lint/rooms.js.",
  ]);
  expect(await objections("composables/ui/useA.ts", "")).toHaveLength(1);
});
