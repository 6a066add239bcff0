// SPDX-License-Identifier: Apache-2.0
// What the server sends. Times are seconds of the video, or unix seconds for created, started and finished.

export type JobState = 'queued' | 'running' | 'paused' | 'done' | 'holes' | 'failed' | 'canceled';

export interface Job {
  id: string;
  /** Null once the video was deleted. */
  video: string | null;
  name: string;
  state: JobState;
  phase?: string | null;
  error?: string | null;
  duration: number | null;
  width?: number | null;
  height?: number | null;
  chunks: number;
  done: number;
  holes: number;
  /** The state it is about to have, while the chunks in progress are finished. */
  stopping?: 'queued' | 'paused' | 'canceled' | null;
  /** One letter per chunk: d done, r running, h hole, . to do. */
  states?: string;
  /** Found so far. */
  events?: number;
  left?: number | null;
  progress?: number;
  prefill_rate?: number | null;
  decode_rate?: number | null;
  priority: number;
  created?: number;
  started?: number | null;
  finished?: number | null;
  prompt?: string | null;
  options?: Record<string, string>;
  /** Its run in the journal. */
  journal?: string | null;
}

export interface Video {
  id: string;
  name: string;
  /** That a person gave. */
  tags?: string[];
  size: number | null;
  duration: number | null;
  width?: number | null;
  height?: number | null;
  fps?: number | null;
  codec?: string | null;
  sha256?: string | null;
  state: string;
  error?: string | null;
  created?: number;
  /** Whether they can be requested. */
  poster?: boolean;
  storyboard?: boolean;
  /** What a browser can play: the file itself, a copy, none yet, none. */
  play?: 'source' | 'proxy' | 'making' | 'none';
}

export interface Sample {
  pts: number;
  fault?: string | null;
  /** Its picture is kept. */
  picture?: boolean;
}

export interface Chunk {
  index: number;
  start: number;
  end: number;
  state: 'todo' | 'running' | 'done' | 'hole';
  /** Of a running one. */
  stage?: string;
  progress?: number;
  left?: number | null;
  summary?: string | null;
  reason?: string | null;
  samples?: Sample[];
  attempts?: number;
}

export type Verdict = 'shown' | 'unsure' | 'unchecked' | 'withdrawn';

export interface Check {
  verdict: Verdict;
  /** The answer as a sentence. */
  says: string | null;
}

export interface VideoEvent {
  start: number;
  end: number;
  /** Time of day at its start; not in what arrives while a job runs. */
  clock?: string | null;
  /** Who or what it is about, where the model said. */
  subject?: string | null;
  what: string;
  chunk: number;
  frames: { pts: number; sample?: number }[];
  /** What the model said about it, once for each chunk; not in what arrives while a job runs. */
  parts?: (Omit<VideoEvent, 'subject' | 'parts' | 'verdict'> & { check?: Check | null })[];
  /** What a second look at the frames found; the least certain of its parts. */
  verdict?: Verdict | null;
}

/** What is known of a chunk once it is in the journal. */
export interface Results extends Pick<Chunk, 'state' | 'summary' | 'reason' | 'attempts' | 'samples'> {
  chunk: number;
  events: VideoEvent[];
}

export interface NewAsk {
  question: string;
  videos?: string[];
  case?: string;
  all?: boolean;
  thread?: string;
  thorough?: boolean;
}

/** A question about videos. */
export interface Ask {
  id: string;
  question: string;
  videos: string[] | null;
  case: string | null;
  all: boolean;
  thread: string | null;
  thorough: boolean;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'canceled';
  error: string | null;
  progress: { step: string; video: string | null; start: number | null; end: number | null; done: number; total: number } | null;
  /** Of the answer, without its citations. */
  text: string | null;
}

/** Of vdet-answer/1 what the page shows. */
export interface Answer {
  state: string;
  text: string;
  cites: { sense: string; clock?: string | null; source: number; start: number; end: number; frames: { pts: number }[]; quote: string | null; text: string; verdict: Verdict; p: number | null }[];
  dropped: { text: string; reason: string }[];
  steps: { kind: string }[];
  sources: { name: string; from: number; to: number; examined: number; mean_gap: number | null; max_gap: number | null; max_gap_at: number | null; holes: number; unseen: string | null; deleted: boolean }[];
  unread: string[];
  price: { time: number | null; tokens: number | null; requests: number | null } | null;
  spent: { requests: number; prompt_tokens: number; wall_time: number };
}

export interface AskDetail extends Ask {
  answer: Answer | null;
  /** Of each source of the answer. */
  places: ({ video: string; job: string } | null)[];
}

export interface Subject {
  number: number;
  /** That a person gave. */
  name: string | null;
  description: string;
  intervals: { start: number; end: number }[];
  /** Indices of its events and states. */
  events: number[];
  states: number[];
  possibly_same: number[];
  possibly_others: boolean;
}

export interface Subjects {
  subjects: Subject[];
  edits: { kind: string; text: string | null; subject: string; applied: boolean; reason: string | null }[];
}

export type SubjectChange =
  | { kind: 'rename'; subject: number; text: string }
  | { kind: 'merge'; subjects: number[] }
  | { kind: 'split'; subject: number; events: number[]; states: number[] }
  | { kind: 'undo' };

/** A text that is said; strings are null where the source does not say. */
export interface Segment {
  start: number;
  end: number;
  text: string;
  speaker: string | null;
  language: string | null;
  confidence: number | null;
  source: 'subtitle' | 'speech';
  track: number;
}

/** A text in the picture; the box in shares of its width and height. */
export interface Written {
  start: number;
  end: number;
  text: string;
  confidence: number | null;
  box: { x: number; y: number; width: number; height: number } | null;
  track: number;
}

export interface TextSource {
  kind: string;
  track: number | null;
  format: string | null;
  language: string | null;
  fault: string | null;
}

export interface Transcript {
  said: Segment[];
  written: Written[];
  /** Null: nothing was read yet. */
  said_sources: TextSource[] | null;
  written_sources: TextSource[] | null;
  dropped: { count: number };
  /** What was looked for, by what, and what is missing. */
  coverage: string;
}

export type TextKind = 'subtitle' | 'speech' | 'written';

/** Of a report: where the clock of the recording jumps. */
export interface ClockBreak {
  before: number;
  after: number;
  verdict: string;
  why: string;
  text: string;
}

/** Of a report: the time of day. The times of a clock are seconds from 1970, as it shows them. */
export interface RecordingClock {
  fault: string | null;
  clocks: {
    name: string;
    dated: boolean;
    readings: { pieces: { start: number; end: number; at: number; speed: number }[] }[];
    breaks: ClockBreak[];
  }[];
}

/** One of both lists. */
export interface Text {
  kind: TextKind;
  start: number;
  end: number;
  text: string;
  speaker?: string | null;
  language?: string | null;
  confidence: number | null;
  track: number;
}

export interface VideoIndex {
  duration: number;
  activity: number[];
  cuts: { time: number; kind?: string }[];
}

export interface Hit {
  job: string;
  video: string | null;
  name: string;
  kind: string;
  chunk: number;
  /** Index of the sample whose picture is kept; null if there is none. */
  sample?: number | null;
  start: number;
  end: number;
  text: string;
  /** An engine recognized it as speech, or read it in the picture. */
  recognized?: boolean;
  /** Of its check; null if there was none. */
  verdict: string | null;
}

export interface Gpu {
  name: string;
  memory_used?: number | null;
  memory_total?: number | null;
  load?: number | null;
  decoder?: number | null;
}

export interface Metrics {
  time: number;
  gpu?: Gpu[];
  slots_busy?: number;
  slots?: number;
  prefill_rate?: number | null;
  decode_rate?: number | null;
  queue?: number;
  running?: number;
  rss?: number;
}

export interface Advice {
  level?: string;
  text: string;
  action?: string | null;
}

export interface Performance {
  now?: Metrics | null;
  history?: Metrics[];
  recommendations?: Advice[];
}

/** What a worker counts; times in seconds. */
export interface FleetFigures {
  cache_hits: number;
  cache_misses: number;
}

export interface FleetWorker {
  name: string;
  state: 'working' | 'draining' | 'silent';
  age: number;
  slots: number;
  in_progress: number;
  done: number;
  failed: number;
  silent: number;
  compared: number;
  differed: number;
  rate: number | null;
  waits_for: 'units' | 'engine' | 'frames' | 'bytes' | 'head' | null;
  version: string | null;
  model: string | null;
  hwaccel: string | null;
  figures: FleetFigures;
}

/** Without a fleet, `head` is null. */
export interface Fleet {
  head: string | null;
  version: string | null;
  connected: boolean;
  units: { waiting: number; begun: number };
  counts: { done: number; redelivered: number; failed: number; holes: number };
  workers: FleetWorker[];
  rate: number;
  bottleneck: { what: string; text: string; action: string } | null;
}

export interface Session {
  id: string;
  address?: string;
  user?: string;
  role?: string;
  since?: number;
  agent?: string | null;
  jobs?: string[];
}

export interface Setting {
  name: string;
  value: unknown;
  default?: unknown;
  range?: string;
  help?: string;
  editable?: boolean;
  [more: string]: unknown;
}

export interface Me {
  user?: string | null;
  role?: string;
  /** False: no login is needed. */
  auth?: boolean;
  version?: string;
}

/** Videos that are reported together. */
export interface Case {
  id: string;
  name: string;
  created: number;
  /** Ids. */
  videos: string[];
  summary: CaseSummary;
}

/** Of the summary by the model; its text is in the report. */
export interface CaseSummary {
  state: 'none' | 'running' | 'failed' | 'done' | 'outdated';
  error: string | null;
  written: number | null;
  model: string | null;
}

export interface CaseChange {
  name?: string;
  add?: string[];
  remove?: string[];
}

/** What the page shows of case.json. */
export interface CaseReport {
  complete: boolean;
  /** `events`: indices into events. */
  summary: { text: string; by: 'model' | 'list'; fallback_reason: string | null; sentences: { text: string; events: number[] }[] };
  videos: { name: string; job: string | null }[];
  /** `video`: index into videos; `time`: of the clock, ISO 8601. */
  events: { time: string; video: number; pts: number; what: string; verdict: Verdict | null }[];
}
