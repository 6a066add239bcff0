// SPDX-License-Identifier: Apache-2.0
// Requests to the server. An error is always a Problem, with a message for the user.
import type { Ask, AskDetail, Case, CaseChange, CaseReport, Chunk, Fleet, Hit, Job, Me, NewAsk, Performance, Session, Setting, SubjectChange, Subjects, Transcript, Video, VideoEvent, VideoIndex } from './types';

export const BASE = 'api/v1';

export class Problem extends Error {
  constructor(readonly status: number, readonly title: string, readonly detail: string) {
    super(detail || title);
  }
}

/** Called when the server requires a login. */
export const hooks = { unauthorized: () => {} };

async function problem(response: Response): Promise<Problem> {
  let title = response.statusText || `HTTP ${response.status}`;
  let detail = '';
  try {
    const body = await response.json();
    title = String(body.title ?? title);
    detail = String(body.detail ?? '');
  } catch {
    // Not a problem document, perhaps a page of a proxy: only the status is known.
  }
  return new Problem(response.status, title, detail);
}

async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${BASE}/${path}`, {
      method,
      signal,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, 'No connection', 'The server does not respond. This page reconnects on its own.');
  }
  if (response.ok) return response;
  const p = await problem(response);
  if (response.status === 401 && path !== 'login') hooks.unauthorized();
  throw p;
}

async function json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await request(method, path, body, signal);
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

const at = encodeURIComponent;

export const api = {
  me: () => json<Me>('GET', 'me'),
  /** Without a name the secret is a token. */
  login: (user: string, secret: string) =>
    json<unknown>('POST', 'login', user ? { user, password: secret } : { token: secret }),
  logout: () => json<unknown>('POST', 'logout', {}),

  jobs: () => json<{ seq?: number; jobs: Job[] }>('GET', 'jobs'),
  job: (id: string) => json<Job>('GET', `jobs/${at(id)}`),
  submit: (body: Record<string, unknown>) => json<Job>('POST', 'jobs', body),
  act: (id: string, action: 'pause' | 'resume' | 'cancel' | 'retry', body: unknown = {}) =>
    json<Job>('POST', `jobs/${at(id)}/${action}`, body),
  change: (id: string, body: Record<string, unknown>) => json<Job>('PATCH', `jobs/${at(id)}`, body),
  remove: (id: string) => json<unknown>('DELETE', `jobs/${at(id)}`),
  chunks: (id: string) => json<{ seq?: number; chunks: Chunk[] }>('GET', `jobs/${at(id)}/chunks`),
  events: (id: string) => json<{ seq?: number; events: VideoEvent[]; states: VideoEvent[]; withdrawn?: VideoEvent[] }>('GET', `jobs/${at(id)}/events`),
  subjects: (id: string) => json<Subjects>('GET', `jobs/${at(id)}/subjects`),
  changeSubjects: (id: string, change: SubjectChange) => json<Subjects>('POST', `jobs/${at(id)}/subjects/edits`, change),
  transcript: (id: string) => json<Transcript>('GET', `jobs/${at(id)}/transcript?kind=all`),
  report: (id: string) => json<any>('GET', `jobs/${at(id)}/report?format=json`),

  videos: () => json<{ videos: Video[] }>('GET', 'videos'),
  video: (id: string) => json<Video>('GET', `videos/${at(id)}`),
  changeVideo: (id: string, body: { name?: string; tags?: string[] }) => json<Video>('PATCH', `videos/${at(id)}`, body),
  removeVideo: (id: string) => json<unknown>('DELETE', `videos/${at(id)}`),
  index: (id: string, stream = -1) =>
    json<VideoIndex>('GET', `videos/${at(id)}/index${stream >= 0 ? `?stream=${stream}` : ''}`),

  cases: () => json<{ cases: Case[] }>('GET', 'cases'),
  newCase: (body: { name: string; videos?: string[] }) => json<Case>('POST', 'cases', body),
  changeCase: (id: string, body: CaseChange) => json<Case>('PATCH', `cases/${at(id)}`, body),
  removeCase: (id: string) => json<unknown>('DELETE', `cases/${at(id)}`),
  summarize: (id: string) => json<Case>('POST', `cases/${at(id)}/summary`, {}),
  cancelSummary: (id: string) => json<Case>('POST', `cases/${at(id)}/summary/cancel`, {}),
  caseReport: (id: string) => json<CaseReport>('GET', `cases/${at(id)}/report`),

  asks: (of?: string, before?: string) =>
    json<{ asks: Ask[]; more: boolean }>('GET', `asks?limit=20${of ? `&case=${at(of)}` : ''}${before ? `&before=${at(before)}` : ''}`),
  ask: (body: NewAsk) => json<Ask>('POST', 'asks', body),
  askDetail: (id: string) => json<AskDetail>('GET', `asks/${at(id)}`),
  cancelAsk: (id: string) => json<Ask>('POST', `asks/${at(id)}/cancel`, {}),
  removeAsk: (id: string) => json<unknown>('DELETE', `asks/${at(id)}`),

  search: (q: string, kind: string, signal?: AbortSignal) =>
    json<{ hits: Hit[]; more: boolean }>('GET', `search?q=${at(q)}&kind=${at(kind)}&limit=200`, undefined, signal),
  performance: () => json<Performance>('GET', 'performance'),
  fleet: () => json<Fleet>('GET', 'fleet'),
  drainWorker: (name: string) => json<unknown>('POST', `fleet/workers/${at(name)}/drain`),
  forgetWorker: (name: string) => json<unknown>('DELETE', `fleet/workers/${at(name)}`),
  sessions: () => json<{ active?: number; sessions: Session[] }>('GET', 'sessions'),
  settings: () => json<{ settings: Setting[] }>('GET', 'settings'),
  set: (values: Record<string, unknown>) => json<unknown>('PATCH', 'settings', values),
};

export const posterUrl = (video: string) => `${BASE}/videos/${at(video)}/poster`;
export const frameUrl = (video: string, t: number, width: number) =>
  `${BASE}/videos/${at(video)}/frames?t=${t.toFixed(6)}&width=${width}`;
/** A sampled frame from the journal; nothing is decoded. */
export const pictureUrl = (job: string, chunk: number, sample: number) =>
  `${BASE}/jobs/${at(job)}/picture?chunk=${chunk}&sample=${sample}`;
export const answerUrl = (ask: string, format: string, download: boolean) =>
  `${BASE}/asks/${at(ask)}/answer.${format}${download ? '?download=1' : ''}`;
/** The small picture of the first frame of a citation; they count from 1. */
export const citeUrl = (ask: string, cite: number) => `${BASE}/asks/${at(ask)}/pictures/${cite}/0`;
export const storyboardUrl = (video: string) => `${BASE}/videos/${at(video)}/storyboard.vtt`;
export const playUrl = (video: string, what: 'source' | 'proxy') => `${BASE}/videos/${at(video)}/${what}`;
export const reportUrl = (job: string, format: string, download: boolean) =>
  `${BASE}/jobs/${at(job)}/report?format=${format}${download ? '&download=1' : ''}`;
export const transcriptUrl = (job: string, kinds: string, format: string) =>
  `${BASE}/jobs/${at(job)}/transcript?kind=${at(kinds)}&format=${format}&download=1`;
export const caseReportUrl = (id: string, format: string, download: boolean) =>
  `${BASE}/cases/${at(id)}/report?format=${format}${download ? '&download=1' : ''}`;
