import { expect, it } from "vitest";
import { useEach } from "@/composables/useEach";

it("does a few at a time, all of them, and tells those that failed", async () => {
  const { run, isBusy, progress } = useEach();
  let underWay = 0;
  let most = 0;
  const seen: [number, boolean][] = [];
  const outcome = await run(Array.from({ length: 20 }, (_, n) => n), async (n) => {
    most = Math.max(most, ++underWay);
    await Promise.resolve();
    underWay--;
    seen.push([progress.value.done, isBusy.value]);
    if (n % 5 === 0) throw new Error(String(n));
  });
  expect(most).toBe(6);
  expect(outcome.done).toHaveLength(16);
  expect(outcome.failed.map(({ thing }) => thing)).toEqual([0, 5, 10, 15]);
  expect(seen.every(([, isUnderWay]) => isUnderWay)).toBe(true);
  expect(isBusy.value).toBe(false);
});
