/**
 * Where a very high list is scrolled to. Browsers draw nothing below some 17 (Firefox) or 33 million
 * pixels, so a higher list stands in a lower element: its ends scroll pixel by pixel, the middle is
 * pressed together. Small movements are taken as they are everywhere, so that no line is jumped over;
 * `settled` says where the element should stand after them.
 */
export const MAX_ELEMENT_PX = 15_000_000;
/** So much at either end is not pressed together. */
const EDGE_PX = 3_000_000;

export class ScrollMap {
  /** `height` is that of the whole list, `viewport` what of it is in view. */
  constructor(
    private readonly height: number,
    private readonly viewport: number,
  ) {}

  /** How high the element is that stands for the list. */
  get elementHeight(): number {
    return Math.min(this.height, MAX_ELEMENT_PX);
  }

  /** The list's greatest offset. */
  get end(): number {
    return Math.max(0, this.height - this.viewport);
  }

  /** The element's offset at which the list's is `offset`. */
  settled(offset: number): number {
    return between(offset, this.end, this.elementEnd);
  }

  /** The list's offset where the element's is `scrollTop`. */
  offsetAt(scrollTop: number): number {
    return between(scrollTop, this.elementEnd, this.end);
  }

  /** The list's offset after the element was scrolled from one place to another. */
  moved(offset: number, from: number, to: number): number {
    if (this.height <= MAX_ELEMENT_PX || to <= 0 || to >= this.elementEnd - 1) {
      return this.offsetAt(to);
    }
    const distance = to - from;
    const isSmall = Math.abs(distance) <= 2 * this.viewport;
    return isSmall ? clamp(offset + distance, this.end) : this.offsetAt(to);
  }

  private get elementEnd(): number {
    return Math.max(0, this.elementHeight - this.viewport);
  }
}

/** A place on a way of length `from` on one of length `to`, of which the ends are equally long. */
function between(place: number, from: number, to: number): number {
  const at = clamp(place, from);
  if (from === to || at <= EDGE_PX) return Math.min(at, to);
  if (at >= from - EDGE_PX) return to - (from - at);
  return EDGE_PX + ((at - EDGE_PX) * (to - 2 * EDGE_PX)) / (from - 2 * EDGE_PX);
}

function clamp(value: number, end: number): number {
  return Math.max(0, Math.min(value, end));
}
