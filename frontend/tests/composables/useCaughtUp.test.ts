import { useQuery } from "@tanstack/vue-query";
import { beforeEach, expect, it } from "vitest";
import { answered, api } from "@/api/client";
import { isConnectionLost } from "@/api/connection";
import { useCaughtUp } from "@/composables/useCaughtUp";
import { useNotices } from "@/stores/notices";
import { farSide, pass, settled, stopTime, type Call } from "../farSide";
import { mounted } from "../mounted";

let calls: Call[];

beforeEach(() => {
  stopTime();
  calls = farSide();
});

/** Of a page that asks for its list once. */
async function page() {
  const used = mounted(() => {
    useCaughtUp();
    return useQuery({ queryKey: ["tasks"], queryFn: () => answered(api.GET("/api/v1/tasks")) });
  });
  await settled();
  await calls[0]?.answer({ items: ["old"], next: null });
  return used;
}

const paths = () => calls.map((each) => each.path);

it("notices that the network has gone and come, though the page asks for nothing", async () => {
  await page();
  window.dispatchEvent(new Event("offline"));
  await settled();
  await calls[1]?.breakOff();
  expect(isConnectionLost.value).toBe(true);
  window.dispatchEvent(new Event("online"));
  await settled();
  await calls[2]?.answer({});
  expect(isConnectionLost.value).toBe(false);
  expect(paths()).toEqual(["/tasks", "/me", "/me", "/tasks"]);
  await calls[3]?.answer({ items: ["new"], next: null });
  await settled();
  expect(useNotices().notices.map((each) => each.text)).toEqual(["Connected again; what is shown is up to date."]);
});

it("is not misled by an answer that was under way when the network went", async () => {
  mounted(() => {
    useCaughtUp();
    return useQuery({ queryKey: ["tasks"], queryFn: () => answered(api.GET("/api/v1/tasks")) });
  });
  await settled();
  window.dispatchEvent(new Event("offline"));
  await settled();
  await calls[1]?.breakOff();
  await calls[0]?.answer({ items: ["old"], next: null });
  expect(isConnectionLost.value).toBe(true);
  window.dispatchEvent(new Event("online"));
  await settled();
  await calls[2]?.answer({});
  expect(paths()).toEqual(["/tasks", "/me", "/me", "/tasks"]);
});

it("looks for a lost control plane every few seconds, and no more once it is there or left", async () => {
  const { unmount } = await page();
  window.dispatchEvent(new Event("offline"));
  await settled();
  await calls[1]?.breakOff();
  await pass(5_000);
  await calls[2]?.breakOff();
  await pass(5_000);
  await calls[3]?.answer({});
  await pass(60_000);
  expect(paths()).toEqual(["/tasks", "/me", "/me", "/me", "/tasks"]);
  unmount();
  window.dispatchEvent(new Event("offline"));
  await settled();
  expect(calls).toHaveLength(5);
});
