// SPDX-License-Identifier: Apache-2.0
// The state of the page, as signals; a view that reads one is rendered again when it changes.
import { computed, signal } from '@preact/signals';
import { api, hooks, Problem } from './api';
import type { Ask, Case, Job, Me, Metrics, Video } from './types';

export const jobs = signal<Map<string, Job>>(new Map());
export const videos = signal<Map<string, Video>>(new Map());
export const cases = signal<Case[]>([]);
/** Those that a view has loaded, and those that were asked or changed since. */
export const asks = signal<Map<string, Ask>>(new Map());
/** False until everything was loaded once: only then is an empty board known to be empty. */
export const loaded = signal(false);
export const me = signal<Me | undefined>(undefined);
export const needLogin = signal(false);
export const metrics = signal<Metrics[]>([]);

export type Link = 'connecting' | 'live' | 'lost';
export const link = signal<Link>('connecting');
/** When the next attempt is due, in milliseconds of Date.now(). */
export const retryAt = signal(0);

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}
export const toasts = signal<Toast[]>([]);
let toastId = 0;

export function say(text: string, bad = false) {
  const id = ++toastId;
  toasts.value = [...toasts.value.filter((t) => t.text !== text), { id, text, bad }].slice(-4);
  setTimeout(() => dismiss(id), bad ? 12000 : 4000);
}

export function dismiss(id: number) {
  toasts.value = toasts.value.filter((t) => t.id !== id);
}

/** Runs an action of the user; shows a message if it fails. */
export async function attempt<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) say(error instanceof Error ? error.message : String(error), true);
    return undefined;
  }
}

export function putJob(job: Job) {
  const next = new Map(jobs.value);
  next.set(job.id, { ...next.get(job.id), ...job });
  jobs.value = next;
}

export function dropJob(id: string) {
  if (!jobs.value.has(id)) return;
  const next = new Map(jobs.value);
  next.delete(id);
  jobs.value = next;
}

export function putVideo(video: Video) {
  const next = new Map(videos.value);
  next.set(video.id, { ...next.get(video.id), ...video });
  videos.value = next;
}

export function dropVideo(id: string) {
  const next = new Map(videos.value);
  next.delete(id);
  videos.value = next;
}

export function putAsk(ask: Ask) {
  const next = new Map(asks.value);
  next.set(ask.id, ask);
  asks.value = next;
}

/** From a reply: an event may have told of something later already. */
export function addAsk(ask: Ask) {
  if (!asks.value.has(ask.id)) putAsk(ask);
}

export function dropAsk(id: string) {
  if (!asks.value.has(id)) return;
  const next = new Map(asks.value);
  next.delete(id);
  asks.value = next;
}

export function putCase(of: Case) {
  cases.value = [...cases.value.filter((c) => c.id !== of.id), of].sort((a, b) => a.created - b.created);
}

export function dropCase(id: string) {
  cases.value = cases.value.filter((c) => c.id !== id);
}

export function addMetrics(r: Metrics) {
  const all = metrics.value;
  const last = all[all.length - 1];
  if (last && r.time <= last.time) return;
  metrics.value = [...all.slice(-599), r];
}

export const may = computed(() => {
  // Until the server says who the user is, nothing is offered that needs a role.
  const role = me.value?.role ?? 'view';
  return { submit: role !== 'view', admin: role === 'admin' };
});

hooks.unauthorized = () => {
  needLogin.value = true;
};

/** Loads everything; returns the number of the last event that it includes. */
export async function loadAll(): Promise<number | undefined> {
  const [j, v, c, who] = await Promise.all([api.jobs(), api.videos(), api.cases(), me.peek() ?? api.me()]);
  me.value = who;
  jobs.value = new Map(j.jobs.map((job) => [job.id, job]));
  videos.value = new Map(v.videos.map((video) => [video.id, video]));
  cases.value = c.cases;
  asks.value = new Map(); // their views load them again
  loaded.value = true;
  return j.seq;
}
