// SPDX-License-Identifier: Apache-2.0
// The board: files are added at the top, each analysis is a card.
import { useComputed } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { AdviceList } from './advice';
import { api } from './api';
import { Asks } from './asks';
import { Card, Poster } from './card';
import { isActive } from './controls';
import { bytes, clock, span } from './format';
import { attempt, jobs, link, loaded, may, putJob, say, videos } from './state';
import { addFiles, cancelUpload, pauseUpload, resumeUpload, transfers, wishes, type Transfer } from './uploads';
import type { Advice, Job, Video } from './types';

export function chooseFiles() {
  document.getElementById('files')?.click();
}

function submitOptions(): Record<string, unknown> {
  const { prompt, chunk } = wishes.value;
  return {
    ...(prompt.trim() ? { prompt: prompt.trim() } : {}),
    ...(chunk.trim() ? { options: { 'chunk.duration': chunk.trim() } } : {}),
  };
}

function Intake({ empty }: { empty: boolean }) {
  const [place, setPlace] = useState('');
  const submit = async (e: Event) => {
    e.preventDefault();
    const text = place.trim();
    if (!text) return;
    const source = /^(https?|s3):\/\//i.test(text) ? { url: text } : { path: text };
    const job = await attempt(api.submit({ ...source, ...submitOptions() }));
    if (!job) return;
    putJob(job);
    setPlace('');
    say(`${job.name} was queued`);
  };
  return (
    <section class={`intake ${empty ? 'big' : ''}`} aria-label="Add videos">
      <p class="lead">
        {empty && <b>Drop videos anywhere on this page.</b>}
        {empty && <span class="note">You get a report: what happened, when, and the frames that show it.</span>}
        <button type="button" class="primary" onClick={chooseFiles}>Choose files</button>
        {!empty && <span class="note">or drop them anywhere on this page</span>}
      </p>
      <input id="files" type="file" multiple accept="video/*,.mkv,.ts,.mts,.m2ts,.avi,.flv,.wmv,.mxf" hidden
        onChange={(e) => {
          addFiles([...(e.currentTarget.files ?? [])]);
          e.currentTarget.value = '';
        }} />
      <details class="more">
        <summary>More: path or address, prompt, chunk length</summary>
        <form class="place" onSubmit={submit}>
          <label for="place">File on the server, or http, https or s3 address</label>
          <span class="row">
            <input id="place" value={place} onInput={(e) => setPlace(e.currentTarget.value)} spellcheck={false} autocomplete="off"
              placeholder="/videos/door.mp4" />
            <button type="submit" class="act" disabled={!place.trim()}>Add</button>
          </span>
        </form>
        <div class="wishes">
          <label for="prompt">Look for (in the next videos)</label>
          <input id="prompt" value={wishes.value.prompt} placeholder="a red car; who leaves a bag behind"
            onInput={(e) => { wishes.value = { ...wishes.value, prompt: e.currentTarget.value }; }} />
          <label for="chunk">Chunk length: what the model gets in one request</label>
          <input id="chunk" value={wishes.value.chunk} placeholder="5min"
            onInput={(e) => { wishes.value = { ...wishes.value, chunk: e.currentTarget.value }; }} />
        </div>
      </details>
    </section>
  );
}

function TransferCard({ t }: { t: Transfer }) {
  const share = t.file.size ? t.sent / t.file.size : 0;
  const left = t.rate > 0 ? (t.file.size - t.sent) / t.rate : undefined;
  const words = {
    waiting: 'queued', paused: 'paused', failed: t.error ?? 'failed', retrying: `${t.error ?? 'interrupted'} Trying again…`,
    sending: [`${bytes(t.sent)} of ${bytes(t.file.size)}`, t.rate > 0 && `${bytes(t.rate)}/s`, left !== undefined && `${span(left)} left`]
      .filter(Boolean).join(' · '),
  }[t.state];
  return (
    <li class={`transfer ${t.state}`}>
      <b class="name" dir="auto">{t.file.name}</b>
      <progress max={1} value={share} aria-label={`Upload of ${t.file.name}`} />
      <span class="note" role={t.state === 'failed' ? 'alert' : undefined}>{words}</span>
      <div class="controls">
        {t.state === 'sending' && <button type="button" class="act" onClick={() => pauseUpload(t.id)}>Pause</button>}
        {(t.state === 'paused' || t.state === 'failed') && <button type="button" class="act" onClick={() => resumeUpload(t.id)}>Resume</button>}
        <button type="button" class="act danger" aria-label={`Cancel the upload of ${t.file.name}`} onClick={() => cancelUpload(t.id)}>Cancel</button>
      </div>
    </li>
  );
}

/** Videos without an analysis: being fetched, failed, or only stored. */
function Loose({ video }: { video: Video }) {
  const analyze = async () => {
    const job = await attempt(api.submit({ video: video.id, ...submitOptions() }));
    if (job) putJob(job);
  };
  const remove = async () => {
    if (confirm(`Delete “${video.name}”?`)) await attempt(api.removeVideo(video.id));
  };
  return (
    <li class="card loose">
      <Poster key={String(video.poster)} video={video} />
      <div class="body">
        <h3 dir="auto">{video.name}</h3>
        <p class="note facts">{[video.duration && clock(video.duration), video.size && bytes(video.size), video.state !== 'ready' && video.state].filter(Boolean).join(' · ')}</p>
        {video.error && <p class="fault" dir="auto">{video.error}</p>}
        {may.value.submit && (
          <div class="foot"><div class="controls">
            {video.state === 'ready' && <button type="button" class="act" onClick={analyze}>Analyze</button>}
            <button type="button" class="act danger" onClick={remove}>Delete</button>
          </div></div>
        )}
      </div>
    </li>
  );
}

const RANK: Record<string, number> = { running: 0, paused: 1, queued: 1 };

/** What affects every result, such as the demo model or a full disk: shown before the first video is added. */
function Warnings() {
  const [all, setAll] = useState<Advice[]>([]);
  const state = link.value;
  useEffect(() => {
    if (state === 'live') void api.performance().then((p) => setAll(p.recommendations ?? []), () => {});
  }, [state]);
  const warnings = all.filter((r) => r.level === 'warning');
  return warnings.length ? <AdviceList all={warnings} /> : null;
}

export function Board() {
  const split = useComputed(() => {
    const all = [...jobs.value.values()];
    const active = all.filter(isActive).sort((a, b) => (RANK[a.state] ?? 1) - (RANK[b.state] ?? 1) || b.priority - a.priority);
    const over = all.filter((j) => !isActive(j)).sort((a, b) => (b.finished ?? b.created ?? 0) - (a.finished ?? a.created ?? 0));
    const used = new Set(all.map((j) => j.video));
    const loose = [...videos.value.values()].filter((v) => !used.has(v.id) && v.state !== 'uploading');
    return { active, over, loose };
  });
  const [tag, setTag] = useState('');
  const tags = useComputed(() => [...new Set([...videos.value.values()].flatMap((v) => v.tags ?? []))].sort()).value;
  const { active, over, loose } = split.value, sending = transfers.value;
  const empty = loaded.value && !active.length && !over.length && !loose.length && !sending.length;
  const wanted = (id: string | null) => !tags.includes(tag) || !!(id && videos.value.get(id)?.tags?.includes(tag));
  const list = (title: string, all: Job[], these = all.filter((j) => wanted(j.video))) => these.length > 0 && (
    <section>
      <h2>{title} <span class="n">{these.length}</span></h2>
      <ul class="cards">{these.map((j) => <Card key={j.id} job={j} video={j.video ? videos.value.get(j.video) : undefined} />)}</ul>
    </section>
  );
  return (
    <main class="board" id="main">
      <h1 class="aside">Board</h1>
      <Warnings />
      {may.value.submit && <Intake empty={empty} />}
      {sending.length > 0 && (
        <section>
          <h2>Uploading <span class="n">{sending.length}</span></h2>
          <ul class="transfers">{sending.map((t) => <TransferCard key={t.id} t={t} />)}</ul>
        </section>
      )}
      {over.length > 0 && <Asks />}
      {tags.length > 0 && (
        <p class="tags" role="group" aria-label="Only with the tag">
          {tags.map((t) => <button type="button" class="act small" key={t} dir="auto" aria-pressed={t === tag} onClick={() => setTag(t === tag ? '' : t)}>{t}</button>)}
        </p>
      )}
      {list('In progress', active)}
      {list('Finished', over)}
      {loose.some((v) => wanted(v.id)) && (
        <section>
          <h2>Not analyzed <span class="n">{loose.filter((v) => wanted(v.id)).length}</span></h2>
          <ul class="cards">{loose.filter((v) => wanted(v.id)).map((v) => <Loose key={v.id} video={v} />)}</ul>
        </section>
      )}
      {empty && !may.value.submit && <p class="note">Nothing has been analyzed yet.</p>}
    </main>
  );
}
