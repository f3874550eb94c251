import type { Job, JobState, Run, RunStep, RunWave, StepState } from "@/api/types";

/** A stretch of the time that is shown, as parts of it: 0 is where it begins, 1 where it ends. */
export interface Span {
  from: number;
  to: number;
}

/** An attempt of a job, in one of the lanes that a wave's slots make. */
export interface Segment extends Span {
  key: string;
  jobId: string;
  agent: string;
  state: JobState;
  lane: number;
}

export interface WaveRow {
  number: number;
  /** The first of several, of which no job may fail. */
  isCanary: boolean;
  wave: RunWave;
  span: Span | null;
  /** None where there are too many to tell them apart, or not all of them are known. */
  segments: Segment[];
  lanes: number;
}

export interface StepRow {
  step: RunStep;
  state: StepState;
  span: Span | null;
  /** Only of a step that reaches its agents one after the other. */
  waves: WaveRow[];
}

export interface Timeline {
  seconds: number;
  /** Where the scale has marks, and how many seconds after the beginning that is. */
  ticks: { at: number; seconds: number }[];
  rows: StepRow[];
}

/** So many lanes, and so many attempts in them, are told apart. */
const LANES = 12;
const SEGMENTS = 120;
const SHORTEST_MS = 50;
const MARKS = 5;
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;
/** What people divide time into. */
const SCALES = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE,
  15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
]; // prettier-ignore

/** When what happened, on one scale from the beginning of the run to its end, or to now. */
export function timelineOf(run: Run, steps: readonly RunStep[], now: number): Timeline {
  const begin = Date.parse(run.started_at ?? run.created_at);
  const end = Math.max(begin + SHORTEST_MS, run.ended_at ? Date.parse(run.ended_at) : now);
  const scale = new Scale(begin, end);
  return {
    seconds: (end - begin) / 1_000,
    ticks: run.started_at === null ? [] : ticksOf((end - begin) / 1_000),
    rows: steps.map((step) => rowOf(step, scale)),
  };
}

class Scale {
  constructor(
    private readonly begin: number,
    private readonly end: number,
  ) {}

  /** What has not ended goes on to the end of the scale. */
  span(from: string | null, to: string | null): Span | null {
    return from === null ? null : { from: this.at(from), to: to === null ? 1 : this.at(to) };
  }

  private at(instant: string): number {
    const part = (Date.parse(instant) - this.begin) / (this.end - this.begin);
    return Math.min(1, Math.max(0, part));
  }
}

function rowOf(step: RunStep, scale: Scale): StepRow {
  const span = scale.span(step.started_at, step.ended_at);
  const isInWaves = step.waves.length > 1 || step.waves.some((wave) => wave.at_once < wave.size);
  const waves = isInWaves ? step.waves.map((_, index) => waveRowOf(step, index, scale)) : [];
  return { step, state: step.state, span, waves };
}

function waveRowOf(step: RunStep, number: number, scale: Scale): WaveRow {
  const wave = step.waves[number] as RunWave;
  const isOver = sum(wave.counts) === wave.size;
  // Of a wide step not all jobs are known: a wave has ended at the latest when the next one begins.
  const known = wave.ended_at ?? step.waves[number + 1]?.started_at ?? step.ended_at;
  const jobs = step.jobs.filter((job) => isIn(wave, job.index));
  const isWhole = jobs.length === wave.size;
  const lanes = isWhole ? inLanes(attemptsOf(jobs, scale)) : { segments: [], lanes: 0 };
  const isShown = lanes.lanes <= LANES && lanes.segments.length <= SEGMENTS;
  return {
    number,
    isCanary: number === 0 && step.waves.length > 1,
    wave,
    span: scale.span(wave.started_at, isOver ? known : step.ended_at),
    ...(isShown ? lanes : { segments: [], lanes: 0 }),
  };
}

function isIn(wave: RunWave, index: number): boolean {
  return index >= wave.first && index < wave.first + wave.size;
}

function sum(counts: RunWave["counts"]): number {
  return Object.values(counts).reduce((total, each) => total + (each ?? 0), 0);
}

type Attempt = Omit<Segment, "lane">;

function attemptsOf(jobs: readonly Job[], scale: Scale): Attempt[] {
  return jobs.flatMap((job) => {
    const tries = [...job.earlier, { ...job, number: job.attempt }];
    return tries.flatMap(({ number, state, started_at, ended_at }) => {
      const span = scale.span(started_at, ended_at);
      const about = { key: `${job.id} ${number}`, jobId: job.id, agent: job.agent_name, state };
      return span === null ? [] : [{ ...about, ...span }];
    });
  });
}

/** Each in the first lane that is free when it begins. */
function inLanes(attempts: readonly Attempt[]): { segments: Segment[]; lanes: number } {
  const freeAt: number[] = [];
  const segments = [...attempts]
    .sort((one, other) => one.from - other.from)
    .map((each) => {
      const free = freeAt.findIndex((at) => at <= each.from);
      const lane = free < 0 ? freeAt.length : free;
      freeAt[lane] = each.to;
      return { ...each, lane };
    });
  return { segments, lanes: freeAt.length };
}

/** Some marks at round times, the last one not so near to the end that it would stand out of it. */
function ticksOf(seconds: number): Timeline["ticks"] {
  const by = SCALES.find((each) => seconds / each <= MARKS) ?? (SCALES[SCALES.length - 1] as number);
  const ticks = [];
  for (let n = 0; n * by <= seconds * 0.94; n++) ticks.push({ at: (n * by) / seconds, seconds: n * by });
  return ticks;
}
