/** Work that is done step by step: each `yield` is a place where it may rest. */
export type Steps = Iterator<void, void>;

/** So long may one piece of work keep the browser from drawing and listening. */
const SLICE_MS = 8;

/**
 * Does work in slices of some milliseconds, with a task of the browser's between them. `isWanted` is
 * asked before each slice; answers whether the work was done to its end.
 */
export async function runInSlices(steps: Steps, isWanted: () => boolean): Promise<boolean> {
  while (isWanted()) {
    const until = performance.now() + SLICE_MS;
    do {
      if (steps.next().done) return true;
    } while (performance.now() < until);
    await nextTask();
  }
  return false;
}

/** Resolves once the browser has had its turn; a timer would wait 4 ms, and 1 s in a hidden tab. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}
