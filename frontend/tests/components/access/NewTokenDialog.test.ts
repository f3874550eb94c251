import { VueQueryPlugin } from "@tanstack/vue-query";
import { fireEvent, screen } from "@testing-library/vue";
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
  vi.stubGlobal("ResizeObserver", class { observe() {} unobserve() {} disconnect() {} }); // happy-dom has none
  await open({});
});

async function open(props: object): Promise<void> {
  const tasks = [task("T", "deploy"), task("U", "other")];
  app = createApp(NewTokenDialog, { open: true, tasks, ...props });
  app.use(createPinia());
  app.use(VueQueryPlugin, { queryClient: createQueryClient() });
  app.mount(document.body.appendChild(document.createElement("div")));
  await nextTick();
}

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
  await fireEvent.click(screen.getByRole("button", { name: "Show the choices" }));
  await fireEvent.click(await screen.findByRole("option", { name: "deploy" }));
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

it("begins with what its maker is narrowed to, since it cannot be wider", async () => {
  app.unmount();
  document.body.replaceChildren();
  await open({ within: { tasks: ["U"], labels: { env: "prod" }, groups: ["web", "db"] } });
  expect(document.body.textContent).toContain("cannot be wider");
  write("Name: who or what uses it", "ci");
  await fireEvent.click(screen.getByRole("button", { name: "Take out other" }));
  await submit();
  expect(calls[0]?.body).toMatchObject({
    scope: { tasks: [], labels: { env: "prod" }, groups: ["web", "db"] },
  });
});

it("shows what is wrong with a part of the scope at its field", async () => {
  write("Name: who or what uses it", "ci");
  write("Agents with all labels", "env=prod");
  await submit();
  await calls[0]?.refuse(400, 1001, "Expected `str` of length <= 255 - at `$.scope.labels[...]`");
  const field = screen.getByLabelText("Agents with all labels");
  expect(field.getAttribute("aria-invalid")).toBe("true");
});
