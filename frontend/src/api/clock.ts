let offsetMs = 0;

/** Learns the control plane's time from an answer's `timestamp`. */
export function setServerTime(timestamp: string): void {
  const at = Date.parse(timestamp);
  if (!Number.isNaN(at)) offsetMs = at - Date.now();
}

/** Milliseconds since 1970 by the control plane's clock: this machine's may be wrong. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}
