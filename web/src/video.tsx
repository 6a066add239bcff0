// SPDX-License-Identifier: Apache-2.0
// One analyzed video: the player, the timeline in step with it, and the lists that lead into the video.
import { useSignal, useSignalEffect } from '@preact/signals';
import { Fragment } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { pictureUrl } from './api';
import { byStart, useVideo } from './video-data';
import { Filing } from './cases';
import { Controls, isActive, JobExport, retryChunk, stateText } from './controls';
import { clock, exact, matcher, plural, span, wallTime } from './format';
import { addShortcuts } from './keys';
import { LongList, type ListHandle } from './list';
import { memo } from './memo';
import { Player, type PlayerHandle } from './player';
import { videoHref, go, route } from './router';
import { loaded, may, videos } from './state';
import { SaidPanel } from './said';
import { SubjectsPanel } from './subjects';
import { Timeline } from './timeline';
import { firstFrom, type TimelineData } from './timeline-draw';
import type { Chunk, Job, RecordingClock, VideoEvent } from './types';

const PICTURES = 4;

interface Shown {
  pts: number;
  chunk: number;
  sample: number;
}

function Thumbs({ job, frames, seek }: { job: string; frames: Shown[]; seek: (t: number) => void }) {
  if (!frames.length) return null;
  const shown = frames.length <= PICTURES ? frames
    : Array.from({ length: PICTURES }, (_, i) => frames[Math.round((i * (frames.length - 1)) / (PICTURES - 1))]!);
  return (
    <div class="thumbs">
      {shown.map(({ pts, chunk, sample }) => (
        <button type="button" key={`${chunk}-${sample}`} title={exact(pts)} aria-label={`Frame at ${exact(pts)}`}
          onClick={(e) => {
            e.stopPropagation();
            seek(pts);
          }}>
          <img src={pictureUrl(job, chunk, sample)} alt="" loading="lazy" width={160} height={90}
            onError={(e) => e.currentTarget.classList.add('gone')} />
        </button>
      ))}
      {frames.length > shown.length && <span class="note">{frames.length} frames</span>}
    </div>
  );
}

const partsOf = (event: VideoEvent) => event.parts ?? [event];

const framesOf = (event: VideoEvent): Shown[] =>
  partsOf(event).flatMap((p) => p.frames.map((f, i) => ({ pts: f.pts, chunk: p.chunk, sample: f.sample ?? i })));

function Parts({ event, seek }: { event: VideoEvent; seek: (t: number) => void }) {
  return (
    <details class="parts" onClick={(e) => e.stopPropagation()}>
      <summary>{partsOf(event).length} parts</summary>
      <ol>
        {partsOf(event).map((part) => (
          <li key={part.chunk + part.start}>
            <button type="button" class="time" onClick={() => seek(part.start)}>{clock(part.start)}</button> <span dir="auto">{part.what}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}

/** What people read of a verdict; nothing of what was not checked. */
const marks: Record<string, string> = { shown: 'checked', unsure: 'unsure', withdrawn: 'withdrawn' };

const EventRow = memo(({ event, job, current, seek }: { event: VideoEvent; job: string; current: boolean; seek: (t: number) => void }) => (
  <article class={`event ${current ? 'current' : ''}`} aria-current={current || undefined} onClick={() => seek(event.start)}>
    <button type="button" class="time" onClick={() => seek(event.start)}>
      {clock(event.start)}{event.end - event.start >= 1 && <small>–{clock(event.end)}</small>}
    </button>
    {event.clock && <small class="wall">{event.clock}</small>}
    <p class="what" dir="auto">{event.what}{marks[event.verdict ?? ''] && <small class="verdict"> {marks[event.verdict!]}</small>}</p>
    {event.verdict === 'withdrawn' && <p class="note">{event.parts?.[0]?.check?.says}</p>}
    <Thumbs job={job} frames={framesOf(event)} seek={seek} />
    {partsOf(event).length > 1 && <Parts event={event} seek={seek} />}
  </article>
));

const STAGES: Record<string, string> = {
  waiting: 'waiting', decoding: 'decoding frames', queued: 'waiting for the engine', prefill: 'the engine reads', answer: 'the engine answers',
};

const ChunkRow = memo(({ chunk, job, current, seek }: { chunk: Chunk; job: Job; current: boolean; seek: (t: number) => void }) => {
  const frames = (chunk.samples ?? []).map((s, sample) => ({ ...s, chunk: chunk.index, sample })).filter((s) => s.picture);
  return (
    <article class={`chunk ${chunk.state} ${current ? 'current' : ''}`} aria-current={current || undefined} onClick={() => seek(chunk.start)}>
      <header>
        <button type="button" class="time" onClick={() => seek(chunk.start)}>{clock(chunk.start)}<small>–{clock(chunk.end)}</small></button>
        <span class="note">Chunk {chunk.index + 1}{chunk.state === 'todo' ? ', to do' : chunk.state === 'hole' ? ', a hole' : ''}
          {chunk.state === 'running' && `, ${STAGES[chunk.stage ?? ''] ?? 'running'}`}
          {chunk.state === 'running' && chunk.left != null && `, ${span(chunk.left)} left`}</span>
        {chunk.state === 'hole' && may.value.submit && (
          <button type="button" class="act" disabled={isActive(job) && job.state !== 'running'}
            onClick={(e) => {
              e.stopPropagation();
              void retryChunk(job, chunk.index);
            }}>Retry</button>
        )}
      </header>
      {chunk.state === 'running' && <progress max={1} value={chunk.progress ?? undefined} aria-label={`Chunk ${chunk.index + 1}`} />}
      {chunk.state === 'hole'
        ? <p class="fault" dir="auto">{chunk.reason || 'No reason was recorded.'}</p>
        : chunk.summary && <p class="what" dir="auto">{chunk.summary}</p>}
      <Thumbs job={job.id} frames={frames} seek={seek} />
    </article>
  );
});

function Fact({ name, children }: { name: string; children: any }) {
  if (children === undefined || children === null || children === '') return null;
  return <div><dt>{name}</dt><dd dir="auto">{children}</dd></div>;
}

const CITED = 4;

/** Each sentence with the times of the events that it is about. */
function Sentences({ of, report, seek }: { of: { text: string; events: number[] }[]; report: any; seek: (t: number) => void }) {
  return (
    <>
      {of.map((s, i) => (
        <span key={i}>{s.text} {s.events.slice(0, CITED).map((e, k) => (
          <Fragment key={e}>{k > 0 && ', '}<button type="button" class="time" onClick={() => seek(report.events[e].start)}>{clock(report.events[e].start)}</button></Fragment>
        ))}{s.events.length > CITED && <small> and {s.events.length - CITED} more</small>} </span>
      ))}
    </>
  );
}

/** Where the clock of the recording jumps. */
function Breaks({ clock: of, seek }: { clock: RecordingClock | null | undefined; seek: (t: number) => void }) {
  const breaks = of?.clocks.flatMap((c) => c.breaks) ?? [];
  if (!breaks.length) return null;
  return (
    <section class="breaks">
      <h3>Jumps of the clock</h3>
      <ul>{breaks.map((b) => (
        <li key={b.after}>
          <button type="button" class="time" onClick={() => seek(b.after)}>{clock(b.after)}</button> <span dir="auto">{b.text}: <b>{b.verdict}</b>{b.why && ` (${b.why})`}</span>
        </li>
      ))}</ul>
    </section>
  );
}

function Summary({ job, report, seek }: { job: Job; report: any; seek: (t: number) => void }) {
  const c = report?.coverage;
  return (
    <div class="summary-panel" tabIndex={0} role="region" aria-label="Summary">
      {isActive(job) && <p class="note">The summary is written when all chunks are finished. Events are shown as they are found.</p>}
      {!isActive(job) && !report && <p class="note">No report.</p>}
      {report?.summary?.sentences?.length > 0 && report.summary.by === 'model'
        ? <p class="prose" dir="auto"><Sentences of={report.summary.sentences} report={report} seek={seek} /></p>
        : report && <p class={report.summary?.by === 'model' ? 'prose' : 'prose timeline-text'} dir="auto">{report.summary?.text}</p>}
      {report?.summary?.fallback_reason && <p class="note">The model could not write a summary ({report.summary.fallback_reason}); this is the plain timeline.</p>}
      {report?.left_out?.length > 0 && <p class="banner">Not looked at: {report.left_out.map((s: any) => `${clock(s.start)} – ${clock(s.end)}`).join(', ')}, left out by the given plan.</p>}
      {report?.summary?.sections?.map((s: any) => (
        <section key={s.start}>
          <h3>{clock(s.start)}–{clock(s.end)}</h3>
          {s.fallback_reason && <p class="note">These are the events themselves ({s.fallback_reason}).</p>}
          <p class="prose" dir="auto"><Sentences of={s.sentences} report={report} seek={seek} /></p>
        </section>
      ))}
      <Breaks clock={report?.clock} seek={seek} />
      {report?.engine?.demo_model && <p class="banner">Made with the demo model, which understands only scenes drawn by vdet world.</p>}
      {c && (
        <p class="note">The model was sent {plural(c.samples, 'frame')}
          {c.samples > 1 && `, one every ${c.mean_gap.toFixed(1)} s on average; the longest gap is ${span(c.max_gap)}, from ${clock(c.max_gap_start)}`}.
          {' '}What happened between these frames is not known.{c.lost > 0 && ` ${span(c.lost)} of the video are in holes.`}</p>
      )}
      {report && (
        <dl class="rows">
          <Fact name="Model">{report.engine?.model}</Fact>
          <Fact name="Asked to look for">{report.prompt?.text}</Fact>
          <Fact name="Codec">{[report.source?.codec, report.source?.width && `${report.source.width}×${report.source.height}`].filter(Boolean).join(', ')}</Fact>
          <Fact name="Plan">{report.plan?.text}</Fact>
          <Fact name="Anomalies">{report.index?.anomalies
            ? report.index.anomalies.map((a: any) => `${clock(a.start)}${a.end > a.start ? ` to ${clock(a.end)}` : ''}, ${a.text}`).join('; ') || 'none found'
            : 'not looked for: there is no index'}</Fact>
          <Fact name="Time of day">{report.clock?.clocks.length > 0 && `${wallTime(report.clock, report.analysed.from)}, by ${report.clock.clocks[0].name}`}</Fact>
          <Fact name="Tokens">{report.tokens && `${report.tokens.prompt.toLocaleString('en')} read, ${report.tokens.output.toLocaleString('en')} written`}</Fact>
          <Fact name="Time">{report.run?.wall_time && span(report.run.wall_time)}</Fact>
          <Fact name="SHA-256">{report.source?.sha256 && <code>{report.source.sha256}</code>}</Fact>
        </dl>
      )}
    </div>
  );
}

const PANELS = ['events', 'chunks', 'subjects', 'summary', 'said'] as const;
type Panel = (typeof PANELS)[number];

/** The last event that had begun at t, if any. */
function currentOf(list: { start: number }[], t: number): number {
  return firstFrom(list, t + 0.001) - 1;
}

export function VideoView({ id }: { id: string }) {
  const data = useVideo(id), { job, chunks, states, withdrawn } = data;
  const [withStates, setWithStates] = useState(false), [withWithdrawn, setWithWithdrawn] = useState(false);
  const events = useMemo(() => (!withStates && !withWithdrawn ? data.events
    : [...data.events, ...(withStates ? states : []), ...(withWithdrawn ? withdrawn : [])].sort(byStart)),
  [withStates, withWithdrawn, data.events, states, withdrawn]);
  const now = useSignal(0), playing = useSignal(false);
  const player = useRef<PlayerHandle | undefined>(undefined);
  const list = useRef<ListHandle | undefined>(undefined);
  const [filter, setFilter] = useState(route.peek().params.get('q') ?? '');
  const [follow, setFollow] = useState(true);
  const [current, setCurrent] = useState(-1);
  const [currentChunk, setCurrentChunk] = useState(-1);
  const asked = route.value.params.get('panel') as Panel | null;
  const panel: Panel = asked && PANELS.includes(asked) ? asked : 'events';
  const video = job?.video ? videos.value.get(job.video) : undefined;
  const fps = video?.fps || 25;
  const duration = data.index?.duration ?? video?.duration ?? job?.duration ?? chunks[chunks.length - 1]?.end ?? 0;

  const fits = useMemo(() => {
    const match = matcher(filter);
    return match && { events: events.map((e) => match(partsOf(e).map((p) => p.what).join(' '))), chunks: chunks.map((c) => match(`${c.summary ?? ''} ${c.reason ?? ''}`)) };
  }, [filter, events, chunks]);
  const shownEvents = useMemo(() => fits ? events.flatMap((_, i) => (fits.events[i] ? [i] : [])) : events.map((_, i) => i), [events, fits]);
  const shownChunks = useMemo(() => fits ? chunks.flatMap((_, i) => (fits.chunks[i] ? [i] : [])) : chunks.map((_, i) => i), [chunks, fits]);
  const { transcript } = data;
  const lane = useMemo<TimelineData>(() => ({ duration, index: data.index, chunks, events, fits: fits?.events, said: transcript?.said, written: transcript?.written, clock: data.report?.clock }),
    [duration, data.index, chunks, events, fits, transcript, data.report]);

  const seek = useMemo(() => (t: number) => {
    if (player.current) player.current.seek(t);
    else now.value = t;
    setFollow(true);
  }, []);
  useSignalEffect(() => {
    const t = now.value;
    setCurrent(currentOf(events, t));
    setCurrentChunk(chunks.findIndex((c) => t >= c.start && t < c.end));
  });
  useEffect(() => {
    setCurrent(currentOf(events, now.peek()));
    setCurrentChunk(chunks.findIndex((c) => now.peek() >= c.start && now.peek() < c.end));
  }, [events, chunks]);

  // The address may contain a time, from a search or a link.
  const start = route.value.params.get('t');
  useEffect(() => {
    const t = Number(start);
    if (start !== null && Number.isFinite(t)) seek(t);
  }, [id, start]);

  // The list follows the player until the user scrolls it.
  const shown = panel === 'events' ? shownEvents.indexOf(current) : shownChunks.indexOf(currentChunk);
  useEffect(() => {
    if (follow && shown >= 0) list.current?.show(shown, playing.peek() && !matchMedia('(prefers-reduced-motion: reduce)').matches);
  }, [shown, follow, panel]);

  const show = (p: Panel) => go(videoHref(id, undefined, p), true);
  const toEvent = (i: number) => {
    if (panel !== 'events') show('events');
    if (events[i]) seek(events[i]!.frames[0]?.pts ?? events[i]!.start);
  };
  const state = useRef({ events, chunks, fps });
  state.current = { events, chunks, fps };
  useEffect(() => addShortcuts('In a video', [
    { keys: [' ', 'k'], label: 'Space', help: 'play, pause', run: () => player.current?.toggle() },
    { keys: ['ArrowLeft'], label: '←', help: '5 seconds back', run: () => seek(now.peek() - 5) },
    { keys: ['ArrowRight'], label: '→', help: '5 seconds forward', run: () => seek(now.peek() + 5) },
    { keys: [','], help: 'one frame back', run: () => { player.current?.pause(); seek(now.peek() - 1 / state.current.fps); } },
    { keys: ['.'], help: 'one frame forward', run: () => { player.current?.pause(); seek(now.peek() + 1 / state.current.fps); } },
    { keys: ['n'], help: 'next event', run: () => toEventAfter(1) },
    { keys: ['p'], help: 'previous event', run: () => toEventAfter(-1) },
    { keys: [']'], help: 'next chunk', run: () => toChunkAfter(1) },
    { keys: ['['], help: 'previous chunk', run: () => toChunkAfter(-1) },
    { keys: ['f'], help: 'filter this video', run: () => document.getElementById('filter')?.focus() },
    { keys: ['1'], help: 'events', run: () => show('events') },
    { keys: ['2'], help: 'chunks', run: () => show('chunks') },
    { keys: ['3'], help: 'subjects', run: () => show('subjects') },
    { keys: ['4'], help: 'summary', run: () => show('summary') },
    { keys: ['5'], help: 'what is said', run: () => show('said') },
  ]), [id]);
  const toEventAfter = (by: number) => {
    const { events: all } = state.current, t = now.peek();
    const i = by > 0 ? firstFrom(all, t + 0.002) : firstFrom(all, t - 0.5) - 1;
    if (all[i]) seek(all[i]!.start);
  };
  const toChunkAfter = (by: number) => {
    const { chunks: all } = state.current, t = now.peek();
    const i = by > 0 ? firstFrom(all, t + 0.002) : firstFrom(all, t - 0.5) - 1;
    if (all[i]) seek(all[i]!.start);
  };

  if (data.error && !job) return <main class="lone" id="main"><h1>No such video</h1><p>{data.error}</p><p><a href="#/">Back to the board</a></p></main>;
  if (!job) return <main class="lone" id="main"><p class="note">{loaded.value ? 'Loading…' : ''}</p></main>;

  if (job.state === 'failed' && !job.chunks)
    return (
      <main class="lone" id="main" data-job={job.id}>
        <h1 dir="auto">{job.name}</h1>
        <p class="fault" dir="auto">{job.error ?? 'failed'}</p>
        <Controls job={job} />
      </main>
    );

  const tab = (p: Panel, name: string, n?: number) => (
    <button type="button" role="tab" id={`tab-${p}`} aria-selected={panel === p} aria-controls="panel" tabIndex={panel === p ? 0 : -1}
      onClick={() => show(p)}
      onKeyDown={(e) => {
        const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
        if (!by) return;
        e.preventDefault();
        const next = PANELS[(PANELS.indexOf(p) + by + PANELS.length) % PANELS.length]!;
        show(next);
        document.getElementById(`tab-${next}`)?.focus();
      }}>
      {name}{n !== undefined && <span class="n">{n.toLocaleString('en')}</span>}
    </button>
  );
  const empty = panel === 'events'
    ? events.length ? 'No event matches.' : isActive(job) ? 'Nothing found yet.' : 'The model named no event in the frames it saw.'
    : chunks.length ? 'No chunk matches.' : isActive(job) ? 'The video is being indexed.' : 'No chunks.';
  const rows = panel === 'events' ? shownEvents : shownChunks;
  return (
    <main class="video" id="main" data-job={job.id}>
      <header class="video-head">
        <h1 dir="auto">{job.name}</h1>
        <p class="doing">
          <span class={`state ${job.state}`}>{stateText(job)}</span>
          {job.state === 'running' && job.left != null && <span class="note">{span(job.left)} left</span>}
          {job.holes > 0 && <span class="fault">{plural(job.holes, 'hole')}</span>}
        </p>
        <div class="foot"><Controls job={job} />{job.done > 0 && <JobExport job={job} />}</div>
        {isActive(job) && <progress max={1} value={job.progress ?? 0} aria-label="Progress" />}
        {job.error && <p class="fault" dir="auto">{job.error}</p>}
        {video && <Filing video={video} />}
      </header>
      <Player video={video} id={job.video} duration={duration} fps={fps} now={now} playing={playing} written={transcript?.written} handle={(h) => { player.current = h; }} />
      <Timeline data={lane} video={job.video} now={now} current={current} onSeek={(t) => seek(Math.min(Math.max(0, t), duration))} onEvent={toEvent} />
      <section class="side" aria-label="Results">
        <div class="tabs">
          <div role="tablist" aria-label="Results">
            {tab('events', 'Events', events.length)}{tab('chunks', 'Chunks', chunks.length)}{tab('subjects', 'Subjects')}{tab('summary', 'Summary')}{tab('said', 'Said')}
          </div>
        </div>
        {(panel === 'events' || panel === 'chunks') && (
          <div class="filter" role="search">
            <input id="filter" type="search" value={filter} placeholder="Filter" aria-label={`Filter ${panel}`} autocomplete="off" spellcheck={false}
              onInput={(e) => setFilter(e.currentTarget.value)}
              onKeyDown={(e) => {
                if (e.key === 'Escape') e.currentTarget.value ? setFilter('') : e.currentTarget.blur();
              }} />
            {fits && <span class="note" role="status">{rows.length} of {panel === 'events' ? events.length : chunks.length}</span>}
            {panel === 'events' && states.length > 0 && (
              <button type="button" class="act small" aria-pressed={withStates} title="Also list what only stays as it is"
                onClick={() => setWithStates(!withStates)}>{states.length} {states.length === 1 ? 'state' : 'states'}</button>
            )}
            {panel === 'events' && withdrawn.length > 0 && (
              <button type="button" class="act small" aria-pressed={withWithdrawn} title="Also list what a second look at the frames contradicts"
                onClick={() => setWithWithdrawn(!withWithdrawn)}>{withdrawn.length} withdrawn</button>
            )}
            <button type="button" class="act small" aria-pressed={follow} title="The list follows the player" onClick={() => setFollow(!follow)}>Follow</button>
          </div>
        )}
        <div id="panel" role="tabpanel" aria-labelledby={`tab-${panel}`} class="panel">
          {panel === 'summary' ? <Summary job={job} report={data.report} seek={seek} />
            : panel === 'said' ? <SaidPanel job={job.id} over={!isActive(job)} data={transcript} seek={seek} />
            : panel === 'subjects' ? <SubjectsPanel job={job.id} over={!isActive(job)} events={data.events} states={states} seek={seek} />
            : !rows.length ? <p class="note empty">{empty}</p>
            : panel === 'events' ? (
              <LongList key="events" count={rows.length} estimate={112} label="Events" keyOf={(i) => `${rows[i]}-${events[rows[i]!]?.start}`}
                handle={(h) => { list.current = h; }} onUserScroll={() => setFollow(false)}
                row={(i) => events[rows[i]!] && <EventRow event={events[rows[i]!]!} job={job.id} current={rows[i] === current} seek={seek} />} />
            ) : (
              <LongList key="chunks" count={rows.length} estimate={150} label="Chunks" keyOf={(i) => rows[i]!}
                handle={(h) => { list.current = h; }} onUserScroll={() => setFollow(false)}
                row={(i) => chunks[rows[i]!] && <ChunkRow chunk={chunks[rows[i]!]!} job={job} current={rows[i] === currentChunk} seek={seek} />} />
            )}
        </div>
      </section>
    </main>
  );
}
