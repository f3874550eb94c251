/*
 * What browsers of 2021 lack of what our libraries call. Syntax is the build's to lower; this is
 * imported before anything else.
 */
Object.hasOwn ??= (object: object, key: PropertyKey) =>
  Object.prototype.hasOwnProperty.call(object, key);

function at<T>(this: ArrayLike<T>, index: number): T | undefined {
  const whole = Math.trunc(index) || 0;
  return this[whole < 0 ? this.length + whole : whole];
}
for (const prototype of [Array.prototype, String.prototype]) {
  if (!("at" in prototype)) Object.defineProperty(prototype, "at", { value: at, writable: true });
}

export {};
