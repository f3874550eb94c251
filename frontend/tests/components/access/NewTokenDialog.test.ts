import { VueQueryPlugin } from "@tanstack/vue-query";
import { screen } from "@testing-library/vue";
import { createPinia } from "pinia";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createApp, nextTick, type App } from "vue";
import NewTokenDialog from "@/components/access/NewTokenDialog.vue";
import { createQueryClient } from "@/api/queries";
import { farSide, settled, type Call } from "../../farSide";

const AT = "2026-01-02T03:04:05Z";
const BY = { kind: "token" as const, id: "t", name: "ann" };
const task = (id: string, name: string) => ({
  id,
  name,
  revision: 1,
  step_count: 1,
  is_template: false,
  created_at: AT,
  updated_at: AT,
  updated_by: BY,
});

let calls: Call[];
let app: App;

beforeEach(async () => {
  calls = farSide();
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  app = createApp(NewTokenDialog, { open: true, tasks: [task("T", "deploy"), task("U", "other")] });
  app.use(createPinia());
  app.use(VueQueryPlugin, { queryClient: createQueryClient() });
  app.mount(document.body.appendChild(document.createElement("div")));
  await nextTick();
});

afterEach(() => {
  app.unmount();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

function write(label: string, text: string): void {
  const field = screen.getByLabelText<HTMLInputElement>(label);
  field.value = text;
  field.dispatchEvent(new Event("input"));
}

async function submit(): Promise<void> {
  document.getElementById("new-token")?.dispatchEvent(new Event("submit"));
  await settled();
}

it("makes a token for everything when nothing narrows it", async () => {
  write("Name: who or what uses it", " ci ");
  await submit();
  expect(calls[0]?.body).toEqual({
    name: "ci",
    role: "viewer",
    expires_in_seconds: 90 * 86_400,
    scope: { tasks: [], labels: {}, groups: [] },
  });
});

it("narrows a token to tasks, labels and groups", async () => {
  write("Name: who or what uses it", "ci");
  const tasks = screen.getByLabelText<HTMLSelectElement>("These tasks");
  for (const option of tasks.options) option.selected = option.textContent === "deploy";
  tasks.dispatchEvent(new Event("change"));
  write("Agents with all labels", "env=prod, zone=a");
  write("in one of the groups", " web, db,,web ");
  await submit();
  expect(calls[0]?.body).toMatchObject({
    scope: { tasks: ["T"], labels: { env: "prod", zone: "a" }, groups: ["web", "db"] },
  });
});

it("says what the control plane says against a token that is too wide", async () => {
  write("Name: who or what uses it", "ci");
  await submit();
  await calls[0]?.refuse(403, 1003, "A token cannot make one that is wider than itself.");
  expect(document.body.textContent).toContain("wider than itself");
});

it("shows what the control plane objects to at the field that it means", async () => {
  write("Name: who or what uses it", "ci");
  await submit();
  await calls[0]?.refuse(400, 1001, "Expected `str` of length >= 1 - at `$.name`");
  const field = screen.getByLabelText("Name: who or what uses it");
  expect(field.getAttribute("aria-invalid")).toBe("true");
  const about = document.getElementById(field.getAttribute("aria-describedby") ?? "");
  expect(about?.textContent).toContain("Expected `str` of length >= 1");
  expect(about?.textContent).not.toContain("$.name");
});
