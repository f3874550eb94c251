import { computed, nextTick, onScopeDispose, ref, watch, type Ref, type ShallowRef } from "vue";
import type { Layout } from "@/rules/logs/layout";
import { ScrollMap } from "@/rules/logs/scroll";

export const ROW_PX = 18;
/** Above the first and below the last line. */
export const PADDING_PX = 8;
/** So near to the end is at the end. */
const END_PX = 2 * ROW_PX;
/** After so long a rest a scroll has ended, where the browser does not say so. */
const REST_MS = 200;

/**
 * Where a log is scrolled to: `offset` in the whole list, `shift` from there to the place in the
 * element. Follows the end until somebody scrolls up, and again once they are back at the end.
 */
export function useLogScroll(
  host: Readonly<ShallowRef<HTMLElement | null>>,
  viewport: Readonly<Ref<number>>,
  layout: Readonly<ShallowRef<Layout>>,
  isFollowing: Ref<boolean>,
) {
  const offset = ref(0);
  const scrollTop = ref(0);
  const shift = computed(() => scrollTop.value - offset.value);
  const map = computed(
    () => new ScrollMap(layout.value.rows.count * ROW_PX + 2 * PADDING_PX, viewport.value),
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The line that is first in view, and how far it is above. */
  let anchor = { number: 0, above: 0 };

  function onScroll(): void {
    const to = host.value?.scrollTop ?? 0;
    if (to === scrollTop.value) return; // our own doing, or sideways
    const before = offset.value;
    moveTo(map.value.moved(before, scrollTop.value, to));
    scrollTop.value = to;
    if (map.value.end - offset.value < END_PX) isFollowing.value = true;
    else if (offset.value < before) isFollowing.value = false;
    clearTimeout(timer);
    timer = setTimeout(settle, REST_MS);
  }

  function moveTo(place: number): void {
    offset.value = place;
    const { rows } = layout.value;
    const index = rows.lineAt(Math.max(0, Math.floor((place - PADDING_PX) / ROW_PX)));
    anchor = { number: layout.value.numberAt(index), above: place - rows.startOf(index) * ROW_PX };
  }

  function settle(): void {
    clearTimeout(timer);
    const element = host.value;
    const wanted = map.value.settled(offset.value);
    if (!element || Math.abs(wanted - element.scrollTop) <= 1) return;
    element.scrollTop = wanted;
    scrollTop.value = element.scrollTop;
  }

  /** Goes to a place; the element must be as high as the list first. */
  async function goTo(place: number): Promise<void> {
    moveTo(Math.max(0, Math.min(place, map.value.end)));
    await nextTick();
    settle();
  }

  function toEnd(): void {
    void goTo(map.value.end);
  }

  /** Brings a line into view, unless it is. */
  function toLine(number: number): void {
    const index = layout.value.indexOf(number);
    const place = layout.value.rows.startOf(index) * ROW_PX + PADDING_PX;
    isFollowing.value = false;
    const isInView = place >= offset.value && place + 2 * ROW_PX <= offset.value + viewport.value;
    if (!isInView) void goTo(place - viewport.value / 3);
  }

  /** The number of the first line in view. */
  function firstLine(): number {
    return anchor.number;
  }

  /** Where the line that was first in view stands now; a wrapped one may have become lower. */
  function anchorPlace(): number {
    const { rows } = layout.value;
    const index = layout.value.indexOf(anchor.number);
    const height = (rows.startOf(index + 1) - rows.startOf(index)) * ROW_PX;
    return rows.startOf(index) * ROW_PX + Math.min(anchor.above, PADDING_PX + height);
  }

  watch(layout, () => (isFollowing.value ? toEnd() : void goTo(anchorPlace())));
  watch(viewport, () => (isFollowing.value ? toEnd() : settle()));
  onScopeDispose(() => clearTimeout(timer));
  return { offset, shift, map, onScroll, settle, toEnd, toLine, firstLine };
}
