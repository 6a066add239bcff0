// SPDX-License-Identifier: Apache-2.0
// Draws the lanes of the timeline on a canvas: activity, scenes, events, what is said and written, coverage with holes, and the
// axis.
import type { Chunk, RecordingClock, VideoEvent, VideoIndex } from './types';

export interface TimelineData {
  duration: number;
  index?: VideoIndex;
  chunks: Chunk[];
  events: VideoEvent[];
  /** Which events fit what is looked for; undefined: nothing is looked for. */
  fits?: boolean[];
  /** In order of start. */
  said?: Stretch[];
  written?: Stretch[];
  /** Of the recording. */
  clock?: RecordingClock | null;
}

export interface Stretch {
  start: number;
  end: number;
  text: string;
}

export interface View {
  from: number;
  to: number;
}

export interface Colors {
  ink: string;
  soft: string;
  line: string;
  faint: string;
  mark: string;
  accent: string;
  hole: string;
  paper: string;
  font: string;
}

export interface Lane {
  name: string;
  y: number;
  h: number;
}

export const AXIS = 20;
export const GAP = 4;
const INDEXED: [string, number][] = [['Activity', 26], ['Scenes', 12], ['Events', 42], ['Seen', 20]];
const PLAIN: [string, number][] = [['Events', 65], ['Seen', 35]];

/** Of each lane of texts. */
const TEXTS = 9;

/** The texts of a lane; undefined: it has none. */
export const textsIn = (d: TimelineData, lane: string) => (lane === 'Said' ? d.said : lane === 'Written' ? d.written : undefined);

/** The lanes and their shares of the height. A video without an index has neither activity nor scenes. */
export function laneShares(d: TimelineData): [string, number][] {
  const lanes = d.index ? INDEXED : PLAIN, texts = ['Said', 'Written'].filter((name) => textsIn(d, name)?.length);
  if (!texts.length) return lanes;
  const left = (100 - texts.length * TEXTS) / 100, all = lanes.map(([name, share]): [string, number] => [name, share * left]);
  all.splice(-1, 0, ...texts.map((name): [string, number] => [name, TEXTS]));
  return all;
}

/** The text of a lane at t, or the nearest one that is at most `slack` away. */
export function textAt(list: Stretch[], t: number, slack: number): Stretch | undefined {
  let best: Stretch | undefined;
  for (let i = firstFrom(list, t + slack) - 1, n = 0; i >= 0 && n < 400; i--, n++) {
    const s = list[i]!;
    if (s.start <= t && s.end >= t) return s;
    if (s.end + slack >= t) best ??= s;
  }
  return best;
}

/** The position of each lane on a canvas of this height. */
export function lanes(d: TimelineData, height: number): Lane[] {
  const parts = laneShares(d), rest = height - AXIS - parts.length * GAP;
  let y = AXIS + GAP;
  return parts.map(([name, share]) => {
    const h = (rest * share) / 100, lane = { name, y: Math.round(y), h: Math.round(h) };
    y += h + GAP;
    return lane;
  });
}

const STEPS = [0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];

function label(t: number, step: number): string {
  const h = Math.floor(t / 3600), m = Math.floor(t / 60) % 60, s = t % 60;
  const mm = String(m).padStart(h ? 2 : 1, '0');
  const decimals = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const ss = s.toFixed(decimals).padStart(decimals ? decimals + 3 : 2, '0');
  return h ? `${h}:${mm}:${ss}` : `${mm}:${ss}`;
}

/** Puts overlapping events on rows of their own: for each event, its row. */
export function stack(events: VideoEvent[], rows: number): Uint8Array {
  const out = new Uint8Array(events.length), ends = new Float64Array(rows).fill(-1);
  events.forEach((e, i) => {
    let row = 0;
    for (let k = 1; k < rows && ends[row]! > e.start; k++) if (ends[k]! < ends[row]!) row = k;
    ends[row] = Math.max(ends[row]!, e.end, e.start + 0.001);
    out[i] = row;
  });
  return out;
}

/** The first event that begins at t or later; events are in order of their start. */
export function firstFrom(events: { start: number }[], t: number): number {
  let low = 0, high = events.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (events[mid]!.start < t) low = mid + 1;
    else high = mid;
  }
  return low;
}

class Painter {
  readonly scale: number;
  constructor(readonly g: CanvasRenderingContext2D, readonly d: TimelineData, readonly view: View,
    readonly width: number, readonly c: Colors) {
    this.scale = width / Math.max(1e-6, view.to - view.from);
  }

  x(t: number) {
    return (t - this.view.from) * this.scale;
  }

  axis(height: number) {
    const { g, c, view, width } = this;
    const step = STEPS.find((s) => s * this.scale >= 72) ?? 86400;
    g.font = `11px ${c.font}`;
    g.textBaseline = 'middle';
    for (let n = Math.ceil(view.from / step); n * step <= view.to; n++) {
      const x = Math.round(this.x(n * step)) + 0.5;
      g.fillStyle = c.line;
      g.fillRect(x, 16, 1, height - 16);
      const text = label(n * step, step), w = g.measureText(text).width;
      if (x + 4 + w > width) continue;
      g.fillStyle = c.soft;
      g.fillText(text, x + 4, 10);
    }
  }

  activity({ y, h }: Lane) {
    const { g, d, c, width } = this;
    g.fillStyle = c.faint;
    g.fillRect(0, y, width, h);
    const a = d.index?.activity;
    if (!a?.length) return;
    const per = d.duration / a.length;
    g.beginPath();
    g.moveTo(0, y + h);
    for (let px = 0; px <= width; px++) {
      const from = Math.floor((this.view.from + px / this.scale) / per);
      const to = Math.max(from, Math.floor((this.view.from + (px + 1) / this.scale) / per) - 1);
      let most = 0;
      for (let i = Math.max(0, from); i <= to && i < a.length; i++) most = Math.max(most, a[i]!);
      g.lineTo(px, y + h - Math.sqrt(most) * (h - 1));
    }
    g.lineTo(width, y + h);
    g.closePath();
    g.fillStyle = c.mark;
    g.globalAlpha = 0.55;
    g.fill();
    g.globalAlpha = 1;
  }

  scenes({ y, h }: Lane) {
    const { g, d, c } = this;
    const starts = [0, ...(d.index?.cuts.map((cut) => cut.time) ?? [])];
    for (let i = 0; i < starts.length; i++) {
      const a = this.x(starts[i]!), b = this.x(starts[i + 1] ?? d.duration);
      if (b < 0 || a > this.width) continue;
      g.fillStyle = c.soft;
      g.globalAlpha = i % 2 ? 0.3 : 0.16;
      g.fillRect(a, y, Math.max(b - a - (b - a > 3 ? 1 : 0), 0.5), h);
    }
    g.globalAlpha = 1;
  }

  events({ y, h }: Lane, rows: Uint8Array, nRows: number, current: number) {
    const { g, d, c, view } = this;
    g.fillStyle = c.faint;
    g.fillRect(0, y, this.width, h);
    const first = firstFrom(d.events, view.from), end = firstFrom(d.events, view.to);
    if (end - first > this.width / 2) {
      this.histogram(y, h, first, end, current);
      return;
    }
    const rowH = h / nRows;
    let last = -1;
    const filled = new Int32Array(nRows).fill(-1);
    for (let i = 0; i < d.events.length; i++) {
      const e = d.events[i]!;
      if (e.end < view.from) continue;
      if (e.start > view.to) break;
      const fit = d.fits ? d.fits[i]! : true;
      const x = this.x(e.start), w = Math.max(3, (e.end - e.start) * this.scale);
      const row = rows[i]!;
      // Marks that would cover one pixel are drawn once: a day has thousands.
      if (fit && i !== current) {
        const px = Math.round(x + w);
        if (px <= filled[row]! && !d.fits) continue;
        filled[row] = px;
      }
      if (i === current) {
        last = i;
        continue;
      }
      g.globalAlpha = fit ? 0.9 : 0.15;
      g.fillStyle = c.mark;
      g.fillRect(x, y + row * rowH + 0.5, w, rowH - 1);
    }
    g.globalAlpha = 1;
    if (last < 0) return;
    const e = d.events[last]!;
    g.fillStyle = c.accent;
    g.fillRect(this.x(e.start) - 1, y + rows[last]! * rowH - 1, Math.max(5, (e.end - e.start) * this.scale + 2), rowH + 2);
  }

  /** Too many events to draw each: columns, higher where there are more. */
  histogram(y: number, h: number, first: number, end: number, current: number) {
    const { g, d, c, view } = this;
    const column = 4, n = Math.ceil(this.width / column);
    const all = new Float64Array(n), fit = new Float64Array(n);
    for (let i = first; i < end; i++) {
      const bin = Math.min(n - 1, Math.max(0, Math.floor(this.x(d.events[i]!.start) / column)));
      all[bin]!++;
      if (d.fits?.[i]) fit[bin]!++;
    }
    const most = Math.max(1, ...all);
    const bars = (counts: Float64Array, alpha: number) => {
      g.globalAlpha = alpha;
      counts.forEach((count, i) => {
        const high = count ? Math.max(2, (h - 1) * Math.sqrt(count / most)) : 0;
        g.fillRect(i * column, y + h - high, column - 1, high);
      });
    };
    g.fillStyle = c.mark;
    bars(all, d.fits ? 0.25 : 0.85);
    if (d.fits) bars(fit, 1);
    g.globalAlpha = 1;
    const e = d.events[current];
    if (!e || e.start < view.from) return;
    g.fillStyle = c.accent;
    g.fillRect(this.x(e.start) - 1, y, 3, h);
  }

  /** Texts that would cover one pixel are drawn once. */
  texts({ y, h }: Lane, list: Stretch[]) {
    const { g, c, view } = this;
    g.fillStyle = c.faint;
    g.fillRect(0, y, this.width, h);
    g.fillStyle = c.accent;
    let filled = -1;
    for (const s of list) {
      if (s.end < view.from) continue;
      if (s.start > view.to) break;
      const x = this.x(s.start), end = Math.max(x + 2, this.x(s.end) - 1);
      if (end <= filled) continue;
      g.globalAlpha = 0.8;
      g.fillRect(Math.max(x, filled), y + 1, end - Math.max(x, filled), h - 2);
      filled = end;
    }
    g.globalAlpha = 1;
  }

  hatch(x: number, y: number, w: number, h: number) {
    const { g, c } = this;
    g.save();
    g.beginPath();
    g.rect(x, y, w, h);
    g.clip();
    g.fillStyle = c.hole;
    g.fillRect(x, y, w, h);
    if (w < 8) {
      g.restore();
      return;
    }
    g.strokeStyle = c.paper;
    g.globalAlpha = 0.55;
    g.beginPath();
    for (let k = Math.floor(x / 6) * 6 - h; k < x + w; k += 6) {
      g.moveTo(k, y + h);
      g.lineTo(k + h, y);
    }
    g.stroke();
    g.restore();
  }

  coverage({ y, h }: Lane) {
    const { g, d, c, view } = this;
    for (const chunk of d.chunks) {
      if (chunk.end < view.from || chunk.start > view.to) continue;
      const x = this.x(chunk.start), whole = this.x(chunk.end) - x;
      const w = Math.max(0.5, whole > 5 ? whole - 1 : whole);
      if (chunk.state === 'hole') {
        this.hatch(x, y, Math.max(2, w), h);
        continue;
      }
      g.fillStyle = chunk.state === 'todo' ? c.faint : c.mark;
      const samples = chunk.samples ?? [], apart = w / (samples.length || 1);
      g.globalAlpha = chunk.state === 'running' ? 0.65 : chunk.state === 'done' ? (apart < 3 ? 0.4 : 0.25) : 1;
      g.fillRect(x, y, w, h);
      g.globalAlpha = 1;
      if (chunk.state === 'todo' || apart < 3) continue;
      g.fillStyle = c.ink;
      g.globalAlpha = 0.65;
      let px = -2;
      for (const s of samples) {
        const at = Math.round(this.x(s.pts));
        if (at <= px || s.fault) continue;
        g.fillRect(at, y + 2, 1, h - 4);
        px = at + 1;
      }
      g.globalAlpha = 1;
    }
  }

  line(t: number, height: number, color: string, width: number) {
    const x = Math.round(this.x(t));
    if (x < -2 || x > this.width + 2) return;
    this.g.fillStyle = color;
    this.g.fillRect(x - width / 2, 0, width, height);
  }
}

export interface Marks {
  now: number;
  pointer?: number;
  /** Index of the event that is shown. */
  current: number;
}

export function draw(g: CanvasRenderingContext2D, size: { width: number; height: number }, d: TimelineData, view: View,
  rows: Uint8Array, nRows: number, marks: Marks, colors: Colors) {
  const p = new Painter(g, d, view, size.width, colors);
  g.clearRect(0, 0, size.width, size.height);
  p.axis(size.height);
  for (const lane of lanes(d, size.height)) {
    if (lane.name === 'Activity') p.activity(lane);
    else if (lane.name === 'Scenes') p.scenes(lane);
    else if (lane.name === 'Events') p.events(lane, rows, nRows, marks.current);
    else if (textsIn(d, lane.name)) p.texts(lane, textsIn(d, lane.name)!);
    else p.coverage(lane);
  }
  for (const c of d.clock?.clocks ?? []) for (const b of c.breaks) p.line(b.after, size.height, colors.hole, 2);
  if (marks.pointer !== undefined) p.line(marks.pointer, size.height, colors.soft, 1);
  p.line(marks.now, size.height, colors.accent, 2);
  const x = p.x(marks.now);
  g.beginPath();
  g.moveTo(x - 5, 0);
  g.lineTo(x + 5, 0);
  g.lineTo(x, 7);
  g.fill();
}
