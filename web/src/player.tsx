// SPDX-License-Identifier: Apache-2.0
// The player; single frames at the same times if the browser cannot play the video.
import { useComputed, type Signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { frameUrl, playUrl, posterUrl } from './api';
import { clock, exact } from './format';
import type { Video, Written } from './types';

export interface PlayerHandle {
  seek: (t: number) => void;
  toggle: () => void;
  pause: () => void;
}

interface Props {
  video: Video | undefined;
  id: string | null;
  duration: number;
  fps: number;
  now: Signal<number>;
  playing: Signal<boolean>;
  written?: Written[] | undefined;
  handle: (h: PlayerHandle) => void;
}

/** Frames around the texts that are in the picture now, where it is in the player. */
function Boxes({ written, video, now }: { written: Written[]; video: Video | undefined; now: Signal<number> }) {
  const place = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const watch = new ResizeObserver(([e]) => e && setSize({ width: e.contentRect.width, height: e.contentRect.height }));
    watch.observe(place.current!);
    return () => watch.disconnect();
  }, []);
  const shown = useComputed(() => written.filter((w) => w.box && w.start <= now.value + 0.001 && w.end >= now.value - 0.001).slice(0, MOST_BOXES));
  const { height } = size, shape = (video?.width ?? 0) / (video?.height ?? 1);
  const w = shape > 0 ? Math.min(size.width, height * shape) : 0, h = shape > 0 ? w / shape : 0;
  const left = (size.width - w) / 2, top = (height - h) / 2;
  return (
    <div class="boxes" ref={place} aria-hidden="true">
      {w > 0 && shown.value.map(({ box, text }, i) => box && (
        <i key={i} title={text} style={{ left: `${left + box.x * w}px`, top: `${top + box.y * h}px`, width: `${box.width * w}px`, height: `${box.height * h}px` }} />
      ))}
    </div>
  );
}

const MOST_BOXES = 50;

/** A seek that is slightly too early shows the previous frame; half a millisecond later is still the same frame. */
const NUDGE = 0.0005;

function Frames({ id, duration, fps, now, note }: { id: string | null; duration: number; fps: number; now: Signal<number>; note: string }) {
  const [shown, setShown] = useState(now.peek());
  const [fault, setFault] = useState(false);
  const t = now.value;
  useEffect(() => {
    const timer = setTimeout(() => setShown(t), 60);
    return () => clearTimeout(timer);
  }, [t]);
  const step = (by: number) => {
    now.value = Math.min(Math.max(0, now.peek() + by), duration);
  };
  return (
    <div class="frames-player">
      {id && (
        <img src={frameUrl(id, shown, 1280)} alt={`Frame at ${exact(shown)}`} hidden={fault} onLoad={() => setFault(false)}
          onError={() => setFault(true)} />
      )}
      {(fault || !id) && <p class="no-picture">{id ? 'No picture at this time.' : 'The video was deleted. Its results are still here.'}</p>}
      <div class="frames-bar">
        <button type="button" onClick={() => step(-5)} aria-label="5 seconds back">−5 s</button>
        <button type="button" onClick={() => step(-1 / fps)} aria-label="One frame back">‹</button>
        <time>{exact(t)}</time>
        <button type="button" onClick={() => step(1 / fps)} aria-label="One frame forward">›</button>
        <button type="button" onClick={() => step(5)} aria-label="5 seconds forward">+5 s</button>
        {id && <span class="note">{note}</span>}
      </div>
    </div>
  );
}

export function Player({ video, id, duration, fps, now, playing, written, handle }: Props) {
  const element = useRef<HTMLVideoElement>(null);
  const [broken, setBroken] = useState('');
  const play = video?.play ?? 'none';
  const url = id && (play === 'source' || play === 'proxy') ? playUrl(id, play) : '';
  const usable = url && broken !== url;

  useEffect(() => {
    const v = element.current;
    handle({
      seek: (t) => {
        const to = Math.min(Math.max(0, t), duration || t);
        if (v) {
          v.currentTime = to + NUDGE;
        }
        now.value = to;
      },
      toggle: () => {
        if (v) v.paused ? void v.play().catch(() => {}) : v.pause();
      },
      pause: () => v?.pause(),
    });
    if (v && now.peek() > 0) v.currentTime = now.peek() + NUDGE;
    if (!v) return undefined;
    let due = 0;
    const tick = () => {
      if (!v.seeking) now.value = v.currentTime;
      due = v.paused ? 0 : requestAnimationFrame(tick);
    };
    const begin = () => {
      playing.value = true;
      cancelAnimationFrame(due);
      due = requestAnimationFrame(tick);
    };
    const end = () => {
      playing.value = false;
    };
    const sought = () => {
      // A requested time is kept to the microsecond; the controls of the player seek to any time.
      if (Math.abs(v.currentTime - NUDGE - now.peek()) > 0.002) now.value = v.currentTime;
    };
    v.addEventListener('play', begin);
    v.addEventListener('pause', end);
    v.addEventListener('seeked', sought);
    return () => {
      cancelAnimationFrame(due);
      v.removeEventListener('play', begin);
      v.removeEventListener('pause', end);
      v.removeEventListener('seeked', sought);
    };
  }, [usable, duration]);

  if (!usable) {
    const note = play === 'making' ? 'Single frames, until a playable copy is made.'
      : broken ? 'Single frames: this browser cannot play the video.' : 'Single frames.';
    return <div class="player"><Frames id={id} duration={duration} fps={fps} now={now} note={note} /></div>;
  }
  return (
    <div class="player">
      <video ref={element} key={url} src={url} poster={id && video?.poster ? posterUrl(id) : undefined} controls playsInline preload="metadata"
        aria-label={`Video, ${clock(duration)}`} onError={() => setBroken(url)} />
      {written && written.length > 0 && <Boxes key={written.length} written={written} video={video} now={now} />}
    </div>
  );
}
