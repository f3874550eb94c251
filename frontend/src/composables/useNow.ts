import { onScopeDispose, ref, type Ref } from "vue";
import { serverNow } from "@/api/clock";

const now = ref(serverNow());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The control plane's time, moving on once a second while somebody looks at it. */
export function useNow(): Readonly<Ref<number>> {
  if (users++ === 0) {
    now.value = serverNow();
    timer = setInterval(() => (now.value = serverNow()), 1_000);
  }
  onScopeDispose(() => {
    if (--users === 0) clearInterval(timer);
  });
  return now;
}
