import { afterEach, expect, it } from "vitest";
import { createApp, h, nextTick, ref, type App } from "vue";
import type { RetryWhat } from "@/api/types";
import RetryDialog from "@/components/runs/RetryDialog.vue";

let app: App;

afterEach(() => app.unmount());

it("asks for each secret anew and hands them over with what is to be retried", async () => {
  const what = ref<RetryWhat | null>(null);
  const told: unknown[] = [];
  app = createApp(() =>
    h(RetryDialog, {
      names: ["password", "token"],
      isBusy: false,
      modelValue: what.value,
      "onUpdate:modelValue": (value: RetryWhat | null) => (what.value = value),
      onRetry: (...given: unknown[]) => told.push(given),
    }),
  );
  app.mount(document.body.appendChild(document.createElement("div")));
  const field = (name: string) =>
    document.querySelector<HTMLInputElement>(`[data-testid="secret-${name}"]`);
  expect(field("password")).toBeNull();
  for (const value of ["hunter2", ""]) {
    what.value = "failed_step";
    await nextTick();
    await nextTick();
    expect([field("password")?.type, field("password")?.value]).toEqual(["password", ""]);
    const input = field("password");
    if (input) input.value = value;
    input?.dispatchEvent(new Event("input"));
    document.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
    await nextTick();
    expect([told.pop(), what.value]).toEqual([
      ["failed_step", { password: value, token: "" }],
      null,
    ]);
    await nextTick();
  }
});
