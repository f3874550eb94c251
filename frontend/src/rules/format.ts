import { count, language, t, type Key } from "@/locales";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

type Unit = "second" | "minute" | "hour" | "day";

/** One formatter for each language and way of writing: they are slow to make. */
const made = new Map<string, unknown>();

function formatter<T>(name: string, make: (language: string) => T): T {
  const key = `${language.value} ${name}`;
  if (!made.has(key)) made.set(key, make(language.value));
  return made.get(key) as T;
}

/** A number as the language writes it. */
export function formatNumber(value: number): string {
  return formatter("number", (tag) => new Intl.NumberFormat(tag)).format(value);
}

/** `0.4s`, `12s`, `3m 05s`, `2h 07m`, `3d 4h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return formatUnit(seconds, "second", 1);
  const whole = Math.floor(seconds);
  if (whole < 60) return formatUnit(whole, "second");
  if (whole < 3_600) return both(whole, 60, "minute", "second");
  if (whole < 86_400) return both(whole, 3_600, "hour", "minute");
  return both(whole, 86_400, "day", "hour");
}

/** The same of a round time: `5s`, `2m`. */
export function formatRoundDuration(seconds: number): string {
  return formatDuration(seconds)
    .replace(/[.,]0(?=\D)/, "")
    .replace(/ 0+\D+$/, "");
}

const IN_UNIT = { second: 1, minute: 60, hour: 3_600, day: 86_400 };

function both(seconds: number, size: number, large: Unit, small: Unit): string {
  const rest = Math.floor((seconds % size) / IN_UNIT[small]);
  const first = formatUnit(Math.floor(seconds / size), large);
  return `${first} ${formatUnit(rest, small, 0, large === "day" ? 1 : 2)}`;
}

function formatUnit(value: number, unit: Unit, fraction = 0, digits = 1): string {
  const cut = Math.floor(value * 10 ** fraction) / 10 ** fraction;
  const options = {
    minimumIntegerDigits: digits,
    minimumFractionDigits: fraction,
    maximumFractionDigits: fraction,
  };
  const name = `${unit} ${fraction} ${digits}`;
  const format = formatter(name, (tag) => {
    try {
      return new Intl.NumberFormat(tag, { ...options, style: "unit", unit, unitDisplay: "narrow" });
    } catch {
      return new Intl.NumberFormat(tag, options); // Safari 14.0 knows no units
    }
  });
  const text = format.format(cut);
  return /\d$/.test(text) ? `${text}${unit.charAt(0)}` : text;
}

/** A share of a whole, `99.3%`: all of it only where nothing is missing. */
export function formatShare(share: number): string {
  const options = { style: "percent", maximumFractionDigits: 1 } as const;
  const format = formatter("share", (tag) => new Intl.NumberFormat(tag, options));
  return format.format(Math.floor(share * 1_000) / 1_000);
}

/** How long ago, or in how long: `just now`, `12s ago`, `in 3h`. */
export function formatRelative(instant: string, now: number): string {
  const distance = Date.parse(instant) - now;
  const size = Math.abs(distance);
  if (size < 5 * SECOND) return t("format.justNow");
  const [unit, ms] = unitOf(size);
  const whole = Math.sign(distance) * Math.floor(size / ms);
  const format = formatter(
    "relative",
    (tag) => new Intl.RelativeTimeFormat(tag, { style: "narrow" }),
  );
  return format.format(whole, unit);
}

function unitOf(size: number): [Unit, number] {
  if (size < MINUTE) return ["second", SECOND];
  if (size < HOUR) return ["minute", MINUTE];
  return size < DAY ? ["hour", HOUR] : ["day", DAY];
}

/** Date and time in the viewer's zone, with its name. */
export function formatInstant(instant: string): string {
  const options = { dateStyle: "medium", timeStyle: "long" } as const;
  return formatter("instant", (tag) => new Intl.DateTimeFormat(tag, options)).format(
    new Date(instant),
  );
}

/** A day by UTC, as `2026-01-31`: with its weekday, or only that. */
export function formatDay(day: string): string {
  return formatDate(day, "day", { weekday: "long", day: "numeric", month: "long" });
}

export function formatWeekday(day: string): string {
  return formatDate(day, "weekday", { weekday: "short" });
}

function formatDate(day: string, name: string, options: Intl.DateTimeFormatOptions): string {
  const format = formatter(name, (tag) => new Intl.DateTimeFormat(tag, { ...options, timeZone: "UTC" }));
  return format.format(new Date(day));
}

/** A part of one in percent; no failure is rounded away. */
export function formatPercent(part: number): string {
  const shown = part < 1 ? Math.min(part, 0.999) : 1;
  const format = formatter("percent", (tag) => new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 1 }));
  return format.format(shown);
}

/** Weekday, date and time by the clocks of a time zone; the instant as it came where no such zone is known. */
export function formatInZone(instant: string, zone: string): string {
  const options = {
    weekday: "short",
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    timeZone: zone,
    timeZoneName: "short",
  } as const;
  try {
    const format = formatter(`zone ${zone}`, (tag) => new Intl.DateTimeFormat(tag, options));
    return format.format(new Date(instant));
  } catch {
    return instant; // a browser's list of zones may be older than the control plane's
  }
}

/** Time of day with milliseconds, for a line of a log. */
export function formatLogTime(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${three(date.getMilliseconds())}`;
}

/** Date and time with milliseconds, as a log line's time in full. */
export function formatLogInstant(at: number): string {
  const date = new Date(at);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${formatLogTime(at)}`;
}

/** Only the time when it was today, with the weekday within a week, else with the date. */
export function formatMoment(instant: string, now: number): string {
  const date = new Date(instant);
  const isToday = date.toDateString() === new Date(now).toDateString();
  const isNear = Math.abs(date.getTime() - now) < WEEK;
  const time = { hour: "numeric", minute: "2-digit", second: "2-digit" } as const;
  if (isToday) return formatter("time", (tag) => new Intl.DateTimeFormat(tag, time)).format(date);
  const day = isNear ? ({ weekday: "short" } as const) : ({ dateStyle: "medium" } as const);
  const options = isNear ? { ...day, ...time } : ({ ...day, timeStyle: "medium" } as const);
  return formatter(`moment ${isNear}`, (tag) => new Intl.DateTimeFormat(tag, options)).format(date);
}

/** `1 step`, `3 steps`. */
export function formatCount(
  number: number,
  noun: "agent" | "byte" | "chunk" | "job" | "line" | "machine" | "output" | "step",
): string {
  return count(`count.${noun}s` satisfies Key, number);
}

/** `812 B`, `4.0 KB`, `1.2 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const units = ["KB", "MB", "GB", "TB"];
  const exponent = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  const options = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  const format = formatter("bytes", (tag) => new Intl.NumberFormat(tag, options));
  return `${format.format(bytes / 1_024 ** exponent)} ${units[exponent - 1]}`;
}

/** A list in words: `a, b and c`. */
export function formatList(parts: readonly string[]): string {
  return parts.join(t("format.comma"));
}

/** As a field of the browser takes a time: in the viewer's zone, without saying so. */
export function toLocalInput(instant: string | null): string {
  if (instant === null) return "";
  const date = new Date(instant);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The way back; null where nothing was given. */
export function fromLocalInput(text: string): string | null {
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

/** Date and time without seconds, for a range. */
export function formatShort(instant: string): string {
  const options = { dateStyle: "medium", timeStyle: "short" } as const;
  return formatter("short", (tag) => new Intl.DateTimeFormat(tag, options)).format(new Date(instant));
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function three(value: number): string {
  return String(value).padStart(3, "0");
}
