/** A list of whole numbers below 2³² that only grows at its end, four bytes each. */
export class Numbers {
  length = 0;
  private items = new Uint32Array(1_024);

  push(value: number): void {
    if (this.length === this.items.length) {
      const larger = new Uint32Array(this.items.length * 2);
      larger.set(this.items);
      this.items = larger;
    }
    this.items[this.length++] = value;
  }

  /** 0 where there is none. */
  at(index: number): number {
    return index < this.length ? (this.items[index] ?? 0) : 0;
  }

  /** Forgets all from `length` on. */
  truncate(length: number): void {
    this.length = Math.min(this.length, length);
  }

  /** Of numbers in ascending order: how many are smaller than `value`. */
  countBelow(value: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.items[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds a number to those in ascending order, unless it is there. */
  insert(value: number): void {
    const index = this.countBelow(value);
    if (index < this.length && this.items[index] === value) return;
    this.push(value);
    this.items.copyWithin(index + 1, index, this.length - 1);
    this.items[index] = value;
  }
}
