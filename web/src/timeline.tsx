// SPDX-License-Identifier: Apache-2.0
// The timeline: a canvas that is dragged, zoomed and clicked, and a slider for the keyboard.
import { effect, useComputed, type Signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { frameUrl } from './api';
import { clock, exact, wallTime } from './format';
import { videos } from './state';
import { loadStoryboard, tileAt, type Tile } from './storyboard';
import { AXIS, draw, firstFrom, GAP, laneShares, lanes, stack, textAt, textsIn, type Colors, type Stretch, type TimelineData, type View } from './timeline-draw';

const MOST_ROWS = 4;

interface Props {
  data: TimelineData;
  video: string | null;
  now: Signal<number>;
  current: number;
  onSeek: (t: number) => void;
  onEvent: (index: number) => void;
}

function colorsOf(element: HTMLElement): Colors {
  const style = getComputedStyle(element);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: get('ink'), soft: get('soft'), line: get('line'), faint: get('faint'), mark: get('mark'), accent: get('accent'),
    hole: get('hole'), paper: get('paper'), font: style.fontFamily,
  };
}

/** Redraws at most once a frame. */
function useFrame(work: () => void): () => void {
  const ref = useRef(work);
  ref.current = work;
  return useMemo(() => {
    let due = 0;
    return () => {
      due ||= requestAnimationFrame(() => {
        due = 0;
        ref.current();
      });
    };
  }, []);
}

interface Tip {
  x: number;
  t: number;
  text: string;
}

export function Timeline({ data, video, now, current, onSeek, onEvent }: Props) {
  const box = useRef<HTMLDivElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<View>({ from: 0, to: Math.max(data.duration, 0.001) });
  const [zoomed, setZoomed] = useState(false);
  const [tip, setTip] = useState<Tip>();
  const [picture, setPicture] = useState<string>();
  const tiles = useRef<Tile[]>([]);
  useEffect(() => {
    tiles.current = [];
  }, [video]);
  const ready = !!videos.value.get(video ?? '')?.storyboard;
  useEffect(() => {
    if (video && ready && !tiles.current.length)
      loadStoryboard(video).then((all) => {
        tiles.current = all;
        setTip((shown) => shown && { ...shown }); // an open tooltip gets its picture
      }, () => {});
  }, [video, ready]);
  const pointer = useRef<number | undefined>(undefined);
  const second = useComputed(() => Math.round(now.value));
  const rows = useMemo(() => stack(data.events, MOST_ROWS), [data.events]);
  const nRows = useMemo(() => rows.reduce((most, row) => Math.max(most, row + 1), 2), [rows]);

  const paint = useFrame(() => {
    const c = canvas.current, b = box.current;
    if (!c || !b) return;
    const width = b.clientWidth, height = b.clientHeight, ratio = devicePixelRatio || 1;
    if (c.width !== Math.round(width * ratio) || c.height !== Math.round(height * ratio)) {
      c.width = Math.round(width * ratio);
      c.height = Math.round(height * ratio);
    }
    const g = c.getContext('2d')!;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(g, { width, height }, data, view.current, rows, nRows, { now: now.peek(), pointer: pointer.current, current },
      colorsOf(b));
  });
  paint();

  const move = (from: number, length: number) => {
    const whole = Math.max(data.duration, 0.001);
    const size = Math.min(whole, Math.max(length, Math.min(whole, 2)));
    const start = Math.min(Math.max(0, from), whole - size);
    view.current = { from: start, to: start + size };
    setZoomed(size < whole * 0.999);
    paint();
  };
  const zoom = (factor: number, around: number) => {
    const { from, to } = view.current, size = (to - from) / factor;
    move(around - (around - from) / factor, size);
  };

  useEffect(() => {
    const whole = view.current;
    if (!zoomed && whole.to !== data.duration) view.current = { from: 0, to: Math.max(data.duration, 0.001) };
    paint();
  }, [data.duration]);

  useEffect(() => {
    const resized = new ResizeObserver(paint);
    resized.observe(box.current!);
    const themed = new MutationObserver(paint);
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', paint);
    const stop = effect(() => {
      const t = now.value, { from, to } = view.current, size = to - from;
      // A zoomed view follows the player.
      if (size < data.duration * 0.999 && (t > to || t < from) && !drag.current) move(t - size * 0.1, size);
      paint();
    });
    return () => {
      resized.disconnect();
      themed.disconnect();
      dark.removeEventListener('change', paint);
      stop();
    };
  }, [data.duration]);

  const timeAt = (clientX: number) => {
    const r = box.current!.getBoundingClientRect(), { from, to } = view.current;
    return Math.min(Math.max(0, from + ((clientX - r.left) / r.width) * (to - from)), data.duration);
  };

  /** The event under the pointer, or -1. */
  const hit = (clientX: number, clientY: number): number => {
    const r = box.current!.getBoundingClientRect(), lane = lanes(data, r.height).find((l) => l.name === 'Events')!, y = clientY - r.top;
    if (y < lane.y - 2 || y > lane.y + lane.h + 2) return -1;
    const t = timeAt(clientX), slack = ((view.current.to - view.current.from) / r.width) * 4;
    const row = Math.min(nRows - 1, Math.max(0, Math.floor(((y - lane.y) / lane.h) * nRows)));
    let best = -1;
    for (let i = firstFrom(data.events, t + slack) - 1, n = 0; i >= 0 && n < 400; i--, n++) {
      const e = data.events[i]!;
      if (Math.max(e.end, e.start + slack) + slack < t) continue;
      if (rows[i] === row) return i;
      if (best < 0) best = i;
    }
    return best;
  };

  /** The text under the pointer. */
  const textUnder = (clientX: number, clientY: number): Stretch | undefined => {
    const r = box.current!.getBoundingClientRect(), y = clientY - r.top;
    const lane = lanes(data, r.height).find((l) => textsIn(data, l.name) && y >= l.y - 2 && y <= l.y + l.h + 2);
    return lane && textAt(textsIn(data, lane.name)!, timeAt(clientX), ((view.current.to - view.current.from) / r.width) * 4);
  };

  const describe = (clientX: number, clientY: number): string => {
    const i = hit(clientX, clientY), text = textUnder(clientX, clientY);
    if (i >= 0) return data.events[i]!.what;
    if (text) return `“${text.text}”`;
    const near = ((view.current.to - view.current.from) / box.current!.clientWidth) * 4;
    const jump = data.clock?.clocks.flatMap((c) => c.breaks).find((b) => Math.abs(b.after - timeAt(clientX)) <= near);
    if (jump) return `${jump.text}: ${jump.verdict}`;
    const t = timeAt(clientX), chunk = data.chunks.find((c) => t >= c.start && t < c.end);
    if (!chunk) return '';
    const name = `Chunk ${chunk.index + 1}`;
    return chunk.state === 'hole' ? `${name}, a hole: ${chunk.reason ?? 'no reason was noted'}` : name;
  };

  const pictureTimer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const hover = (e: PointerEvent) => {
    const r = box.current!.getBoundingClientRect(), t = timeAt(e.clientX);
    pointer.current = t;
    setTip({ x: Math.min(Math.max(e.clientX - r.left, 90), r.width - 90), t, text: describe(e.clientX, e.clientY) });
    clearTimeout(pictureTimer.current);
    if (video && ready && !tiles.current.length) pictureTimer.current = setTimeout(() => setPicture(frameUrl(video, t, 160)), 120);
    paint();
  };
  const leave = () => {
    pointer.current = undefined;
    clearTimeout(pictureTimer.current);
    setTip(undefined);
    setPicture(undefined);
    paint();
  };

  // One finger or the mouse scrubs, or drags the axis; two fingers zoom.
  const drag = useRef<{ mode: 'scrub' | 'pan'; x: number; from: number; moved: boolean } | undefined>(undefined);
  const fingers = useRef(new Map<number, number>());
  const pinch = useRef<{ gap: number; view: View } | undefined>(undefined);
  const down = (e: PointerEvent) => {
    if (e.button) return;
    (e.currentTarget as HTMLElement).setPointerCapture(e.pointerId);
    fingers.current.set(e.pointerId, e.clientX);
    if (fingers.current.size === 2) {
      const [a, b] = [...fingers.current.values()] as [number, number];
      pinch.current = { gap: Math.max(20, Math.abs(a - b)), view: view.current };
      drag.current = undefined;
      return;
    }
    const y = e.clientY - box.current!.getBoundingClientRect().top;
    const mode = e.shiftKey || (y < AXIS && zoomed) ? 'pan' : 'scrub';
    drag.current = { mode, x: e.clientX, from: view.current.from, moved: false };
  };
  const moved = (e: PointerEvent) => {
    if (fingers.current.has(e.pointerId)) fingers.current.set(e.pointerId, e.clientX);
    if (pinch.current && fingers.current.size === 2) {
      const [a, b] = [...fingers.current.values()] as [number, number];
      const { gap, view: v } = pinch.current, size = ((v.to - v.from) * gap) / Math.max(20, Math.abs(a - b));
      move((v.from + v.to - size) / 2, size);
      return;
    }
    const d = drag.current;
    if (d) {
      d.moved ||= Math.abs(e.clientX - d.x) > 4;
      if (d.moved && d.mode === 'pan') {
        const size = view.current.to - view.current.from;
        move(d.from - ((e.clientX - d.x) / box.current!.clientWidth) * size, size);
      } else if (d.moved) onSeek(timeAt(e.clientX));
    }
    if (e.pointerType === 'mouse' || d) hover(e);
  };
  const up = (e: PointerEvent) => {
    const d = drag.current;
    fingers.current.delete(e.pointerId);
    if (fingers.current.size < 2) pinch.current = undefined;
    drag.current = undefined;
    if (e.pointerType !== 'mouse') leave();
    if (!d || d.moved || e.type === 'pointercancel') return;
    const i = hit(e.clientX, e.clientY), text = textUnder(e.clientX, e.clientY);
    if (i >= 0) onEvent(i);
    else onSeek(text ? text.start : timeAt(e.clientX));
  };

  const wheel = (e: WheelEvent) => {
    const size = view.current.to - view.current.from;
    if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) {
      if (!zoomed) return;
      e.preventDefault();
      move(view.current.from + ((e.deltaX || e.deltaY) / box.current!.clientWidth) * size, size);
      return;
    }
    e.preventDefault();
    zoom(Math.exp(-e.deltaY * (e.ctrlKey ? 0.01 : 0.002)), timeAt(e.clientX));
  };
  useEffect(() => {
    const b = box.current!;
    const keep = (e: WheelEvent) => wheelRef.current(e);
    b.addEventListener('wheel', keep, { passive: false });
    return () => b.removeEventListener('wheel', keep);
  }, []);
  const wheelRef = useRef(wheel);
  wheelRef.current = wheel;

  const key = (e: KeyboardEvent) => {
    const { from, to } = view.current, t = now.peek();
    const actions: Record<string, () => void> = {
      '+': () => zoom(1.6, t),
      '=': () => zoom(1.6, t),
      '-': () => zoom(1 / 1.6, t),
      '0': () => move(0, data.duration),
      Home: () => onSeek(0),
      End: () => onSeek(data.duration),
      PageUp: () => onSeek(t - (to - from) / 10),
      PageDown: () => onSeek(t + (to - from) / 10),
      ArrowLeft: () => onSeek(t - (to - from) / 100),
      ArrowRight: () => onSeek(t + (to - from) / 100),
    };
    const action = actions[e.key];
    if (!action || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    action();
  };

  const tile = tip && tileAt(tiles.current, tip.t), wall = tip && wallTime(data.clock, tip.t);
  return (
    <section class="timeline" aria-label="Timeline">
      <ul class="lane-names" aria-hidden="true"
        style={{ gridTemplateRows: `${AXIS}px ${laneShares(data).map(([, share]) => `${share}fr`).join(' ')}`, rowGap: `${GAP}px` }}>
        <li />{laneShares(data).map(([name]) => <li key={name}>{name}</li>)}
      </ul>
      <div
        class="lanes"
        ref={box}
        role="slider"
        tabIndex={0}
        aria-label="Position in the video"
        aria-valuemin={0}
        aria-valuemax={Math.round(data.duration)}
        aria-valuenow={second.value}
        aria-valuetext={clock(second.value)}
        onPointerDown={down}
        onPointerMove={moved}
        onPointerUp={up}
        onPointerCancel={up}
        onPointerLeave={leave}
        onDblClick={() => move(0, data.duration)}
        onKeyDown={key}
      >
        <canvas ref={canvas} aria-hidden="true" />
        {tip && (
          <div class="tip" style={{ left: `${tip.x}px` }} aria-hidden="true">
            {tile ? <i class="tile" style={{ width: `${tile.width}px`, height: `${tile.height}px`, background: `url("${tile.url}") -${tile.x}px -${tile.y}px` }} />
              : picture && <img src={picture} alt="" width={160} />}
            <b>{exact(tip.t)}</b>
            {wall && <span>{wall}</span>}
            {tip.text && <span dir="auto">{tip.text}</span>}
          </div>
        )}
      </div>
      <div class="zoom">
        <button type="button" onClick={() => zoom(1.6, now.peek())} aria-label="Zoom in" title="Zoom in (+)">+</button>
        <button type="button" onClick={() => zoom(1 / 1.6, now.peek())} aria-label="Zoom out" title="Zoom out (−)" disabled={!zoomed}>−</button>
        <button type="button" onClick={() => move(0, data.duration)} aria-label="Show all" title="Show all (0)" disabled={!zoomed}>⤢</button>
      </div>
    </section>
  );
}
