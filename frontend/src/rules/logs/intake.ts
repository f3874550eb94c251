import type { LogRecord } from "@/api/types";
import type { LogLines } from "./lines";
import type { Steps } from "./slices";

const BATCH_SIZE = 32 * 1_024;
/** What a record costs however short it is, as so many characters. */
const RECORD_COST = 100;

/** Takes records in, in batches of some milliseconds at most: one alone has up to 64 KiB. */
export function* takeIn(lines: LogLines, records: readonly LogRecord[]): Steps {
  let size = 0;
  for (const record of records) {
    lines.add(record);
    size += RECORD_COST + record.data.length;
    if (size < BATCH_SIZE) continue;
    size = 0;
    lines.commit();
    yield;
  }
  lines.commit();
}
