// SPDX-License-Identifier: Apache-2.0
// The actions of a job: buttons shared by a card and the view of a video.
import { api, reportUrl } from './api';
import { attempt, dropJob, dropVideo, jobs, may, putJob, say } from './state';
import type { Job } from './types';

export const isActive = (job: Job) => job.state === 'queued' || job.state === 'running' || job.state === 'paused';

/** Asked to pause or cancel, and finishing what it is doing. */
const isStopping = (job: Job) => job.stopping === 'paused' || job.stopping === 'canceled';

export const STATE_WORDS: Record<string, string> = {
  queued: 'queued', running: 'running', paused: 'paused', done: 'finished', holes: 'finished, with holes', failed: 'failed',
  canceled: 'canceled',
};

const PHASES: Record<string, string> = {
  starting: 'starting', opening: 'opening the video', hashing: 'hashing the file',
  engine: 'starting the engine', index: 'indexing', chunks: 'analyzing', texts: 'reading what is said and written', joining: 'joining statements', checking: 'checking statements', 'second-pass': 'describing again what is in doubt', summary: 'writing the summary',
  report: 'writing the report',
};

const STOPPING: Record<string, string> = {
  queued: 'making way after this chunk', paused: 'pausing after this chunk', canceled: 'canceling…',
};

/** "Chunk 7/25", or another phase. */
export function stateText(job: Job): string {
  if (job.state === 'running' && job.stopping) return STOPPING[job.stopping] ?? job.stopping;
  if (job.state === 'running') {
    if (job.phase && job.phase !== 'chunks') return PHASES[job.phase] ?? job.phase;
    if (job.chunks) return `Chunk ${Math.min(job.done + job.holes + 1, job.chunks)}/${job.chunks}`;
  }
  return STATE_WORDS[job.state] ?? job.state;
}

async function act(job: Job, action: 'pause' | 'resume' | 'cancel' | 'retry', body?: unknown) {
  const changed = await attempt(api.act(job.id, action, body));
  if (changed) putJob(changed);
}

export const retryChunk = (job: Job, index: number) => act(job, 'retry', { chunks: [index] });

/** Asks in a dialog of the browser: it works everywhere, and by keyboard. */
async function remove(job: Job) {
  const others = [...jobs.peek().values()].filter((j) => j.video === job.video && j.id !== job.id);
  const whole = !others.length && job.video;
  const what = whole ? `“${job.name}”, its results, and its uploaded file` : `this analysis of “${job.name}” and its results`;
  if (!confirm(`Delete ${what}?`)) return;
  const done = await attempt((whole ? api.removeVideo(job.video!) : api.remove(job.id)).then(() => true));
  if (!done) return;
  dropJob(job.id);
  if (whole) dropVideo(job.video!);
  say(`Deleted ${job.name}`);
  if (location.hash.startsWith('#/video/')) location.hash = '#/';
}

async function move(job: Job, up: boolean) {
  const changed = await attempt(api.change(job.id, { priority: job.priority + (up ? 1 : -1) }));
  if (changed) putJob(changed);
}

export function Controls({ job, order }: { job: Job; order?: boolean }) {
  if (!may.value.submit) return null;
  const button = (label: string, run: () => unknown, title = label, kind = '') => (
    <button type="button" class={`act ${kind}`} title={title} aria-label={`${title}: ${job.name}`} onClick={run}>{label}</button>
  );
  return (
    <div class="controls">
      {(job.state === 'running' || job.state === 'queued') && !isStopping(job) && button('Pause', () => act(job, 'pause'))}
      {(job.state === 'paused' || job.stopping === 'paused') && button('Resume', () => act(job, 'resume'))}
      {isActive(job) && job.stopping !== 'canceled' && button('Cancel', () => act(job, 'cancel'), 'Cancel; finished chunks are kept')}
      {job.state === 'holes' && button(`Retry ${job.holes === 1 ? 'the hole' : `${job.holes} holes`}`, () => act(job, 'retry'), 'Retry the holes')}
      {(job.state === 'failed' || job.state === 'canceled') && button('Continue', () => act(job, 'retry'), 'Continue; finished chunks are not repeated')}
      {order && job.state === 'queued' && button('↑', () => move(job, true), 'Raise the priority', 'small')}
      {order && job.state === 'queued' && button('↓', () => move(job, false), 'Lower the priority', 'small')}
      {!isActive(job) && button('Delete', () => remove(job), 'Delete', 'danger')}
    </div>
  );
}

const FORMATS: Record<string, string> = {
  html: 'Page (HTML)', json: 'Everything (JSON)', md: 'Text (Markdown)', vtt: 'Chapters (WebVTT)', csv: 'Spreadsheet (CSV)',
};

interface Exported {
  name: string;
  url: (format: string, download: boolean) => string;
  formats: string[];
}

/** The report, and its files. */
export function ExportMenu({ name, url, formats }: Exported) {
  const close = (e: Event) => {
    (e.currentTarget as HTMLElement).closest('details')?.removeAttribute('open');
  };
  return <div class="controls">
    <a class="act" href={url('html', false)} target="_blank" rel="noopener" aria-label={`Report: ${name}`}>Report</a>
    <details class="menu" onKeyDown={(e) => {
      if (e.key === 'Escape') {
        e.currentTarget.open = false;
        e.currentTarget.querySelector('summary')?.focus();
      }
    }}>
      <summary class="act">Export</summary>
      <ul>
        {formats.map((format) => (
          <li key={format}><a href={url(format, true)} download onClick={close}>{FORMATS[format]}</a></li>
        ))}
      </ul>
    </details>
  </div>;
}

export const JobExport = ({ job }: { job: Job }) =>
  <ExportMenu name={job.name} url={(format, download) => reportUrl(job.id, format, download)} formats={Object.keys(FORMATS)} />;

// A menu closes when something else is clicked.
addEventListener('click', (e) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>('details.menu[open]'))
    if (!menu.contains(e.target as Node)) menu.open = false;
});
