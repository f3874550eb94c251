/**
 * Names one action of a person: 128 random bits. With the same key within a day the control plane
 * answers the same run, so that a call that is sent twice starts no second one.
 */
export function newIdempotencyKey(): string {
  // `crypto.randomUUID` is not there on plain HTTP.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
