// SPDX-License-Identifier: Apache-2.0
// The card of an analysis, on the board and in a case.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { posterUrl } from './api';
import { Controls, isActive, JobExport, stateText } from './controls';
import { Dots } from './dots';
import { bytes, clock, plural, span, when } from './format';
import { memo } from './memo';
import { videoHref } from './router';
import { may } from './state';
import type { Job, Video } from './types';

export function Poster({ video }: { video: Video | undefined }) {
  const [state, setState] = useState<'none' | 'loaded' | 'failed'>('none');
  const image = useRef<HTMLImageElement>(null);
  // A cached image may be loaded before the listener is attached.
  useLayoutEffect(() => {
    if (image.current?.complete && image.current.naturalWidth) setState('loaded');
  }, []);
  return (
    <span class="poster" aria-hidden="true">
      {video?.poster && state !== 'failed' && (
        <img ref={image} src={posterUrl(video.id)} alt="" loading="lazy" class={state} onLoad={() => setState('loaded')} onError={() => setState('failed')} />
      )}
    </span>
  );
}

/** `extra`: an action of the place where it is shown. */
export const Card = memo(({ job, video, extra }: { job: Job; video: Video | undefined; extra?: { label: string; title: string; run: () => void } }) => {
  const active = isActive(job);
  const share = job.chunks ? (job.progress ?? (job.done + job.holes) / job.chunks) : (job.progress ?? 0);
  const width = job.width ?? video?.width, height = job.height ?? video?.height;
  const rate = (job.prefill_rate ?? 0) + (job.decode_rate ?? 0);
  const facts = [
    (job.duration ?? video?.duration) && clock((job.duration ?? video?.duration)!),
    width && height && `${width}×${height}`,
    video?.size && bytes(video.size),
  ].filter(Boolean).join(' · ');
  const right = job.state === 'running' && job.left != null ? `${span(job.left)} left`
    : job.state === 'queued' && job.priority !== 0 ? `priority ${job.priority}`
    : !active && job.finished ? when(job.finished) : '';
  const action = extra && may.value.submit && <button type="button" class="act" aria-label={extra.title} onClick={extra.run}>{extra.label}</button>;
  // A file that failed before its first chunk has nothing to show but the reason.
  if (job.state === 'failed' && !job.chunks)
    return (
      <li class="card failed plain" data-job={job.id}>
        <div class="body">
          <h3 dir="auto"><a href={videoHref(job.id)}>{job.name}</a></h3>
          <p class="fault" dir="auto">{job.error ?? 'failed'}</p>
          <div class="foot"><Controls job={job} />{action}</div>
        </div>
      </li>
    );
  return (
    <li class={`card ${job.state}`} data-job={job.id}>
      <a class="open" href={videoHref(job.id)} aria-label={`Open ${job.name}`}>
        <Poster key={String(video?.poster)} video={video} />
      </a>
      <div class="body">
        <h3 dir="auto"><a href={videoHref(job.id)}>{job.name}</a></h3>
        <p class="note facts">{facts || '\u00a0'}</p>
        {!!video?.tags?.length && <p class="note">{video.tags.map((t) => <span class="tag" key={t} dir="auto">{t}</span>)}</p>}
        {job.prompt && <p class="note wish" dir="auto">“{job.prompt}”</p>}
        <p class="doing"><span class={`state ${job.state}`}>{stateText(job)}</span>{right && <span class="note">{right}</span>}</p>
        {active && <progress max={1} value={share} aria-label={`Progress of ${job.name}`} />}
        {job.states && (active || job.holes > 0) && (
          <Dots states={job.states} label={`${job.done} of ${job.chunks} chunks finished, ${plural(job.holes, 'hole')}`} />
        )}
        {(!!job.events || (job.state === 'running' && rate > 0)) && (
          <p class="doing note">
            {!!job.events && <a href={videoHref(job.id)}>{plural(job.events, 'event')}</a>}
            {job.state === 'running' && rate > 0 && <span>{Math.round(rate)} tok/s</span>}
          </p>
        )}
        {job.error && <p class="fault" dir="auto">{job.error}</p>}
        <div class="foot">
          <Controls job={job} order />
          {action}
          {job.done > 0 && <JobExport job={job} />}
        </div>
      </div>
    </li>
  );
});
