import { onScopeDispose, ref, watch, type ShallowRef } from "vue";

/** An element's inner width and height in pixels, as they change; 0 while it is not there. */
export function useElementSize(element: Readonly<ShallowRef<HTMLElement | null>>) {
  const width = ref(0);
  const height = ref(0);
  const observer = new ResizeObserver(() => {
    width.value = element.value?.clientWidth ?? 0;
    height.value = element.value?.clientHeight ?? 0;
  });
  watch(element, (now) => {
    observer.disconnect();
    if (now) observer.observe(now);
  });
  onScopeDispose(() => observer.disconnect());
  return { width, height };
}
