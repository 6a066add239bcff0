// SPDX-License-Identifier: Apache-2.0
// The live connection: one WebSocket with numbered events, reconnected whenever it is lost.
//
// After a reconnect the server sends what was missed, in order. If it no longer has that, or is another server (lower
// numbers), everything is loaded again, and so are the views.
import { api, BASE } from './api';
import { addMetrics, dropAsk, dropCase, dropJob, dropVideo, link, loadAll, needLogin, putAsk, putCase, putJob, putVideo, retryAt, say } from './state';
import type { Chunk, Results } from './types';

export type LiveEvent =
  | { type: 'chunk'; job: string; data: Chunk }
  | { type: 'results'; job: string; data: Results }
  | { type: 'reload' };

type Listener = (event: LiveEvent) => void;
const listeners = new Set<Listener>();

/** Calls back for each event of chunks and results; returns a function that stops it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let socket: WebSocket | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let seq: number | undefined;
let epoch: unknown;
let tries = 0;

const notify = (event: LiveEvent) => listeners.forEach((listener) => listener(event));

function handle(message: any) {
  const { type, job, data } = message;
  switch (type) {
    case 'job':
      putJob(data);
      break;
    case 'job-removed':
      dropJob(job ?? data?.id);
      break;
    case 'video':
      putVideo(data);
      break;
    case 'video-removed':
      dropVideo(message.video ?? data?.id);
      break;
    case 'case':
      putCase(data);
      break;
    case 'case-removed':
      dropCase(message.case);
      break;
    case 'ask':
      putAsk(data);
      break;
    case 'ask-removed':
      dropAsk(message.ask);
      break;
    case 'chunk':
    case 'results':
      notify({ type, job, data });
      break;
    case 'performance':
      addMetrics(data);
      break;
    case 'log':
      if (data?.level === 'error') say(String(data.text), true);
      break;
  }
}

async function reload() {
  seq = undefined;
  await start();
  notify({ type: 'reload' });
}

function receive(text: string) {
  const message = JSON.parse(text);
  if (message.type === 'hello') {
    const other = epoch !== undefined && message.epoch !== undefined && message.epoch !== epoch;
    epoch = message.epoch ?? epoch;
    if (other || (seq !== undefined && message.seq < seq)) void reload();
    return;
  }
  if (message.type === 'reload') {
    void reload();
    return;
  }
  if (typeof message.seq === 'number') {
    if (seq !== undefined && message.seq <= seq) return;
    seq = message.seq;
  }
  handle(message);
}

function connect() {
  clearTimeout(timer);
  socket?.close();
  const url = new URL(`${BASE}/events`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  if (seq !== undefined) url.searchParams.set('since', String(seq));
  const mine = new WebSocket(url);
  socket = mine;
  mine.onopen = () => {
    tries = 0;
    link.value = 'live';
  };
  mine.onmessage = (event) => {
    if (socket === mine) receive(event.data);
  };
  mine.onclose = () => {
    if (socket === mine) lost();
  };
}

function lost() {
  socket = undefined;
  if (needLogin.value) return;
  link.value = 'lost';
  // 0.25 s at first, doubled each time up to 15 s, with jitter.
  const wait = Math.min(15000, 250 * 2 ** tries++) * (0.75 + Math.random() / 2);
  retryAt.value = Date.now() + wait;
  clearTimeout(timer);
  timer = setTimeout(() => void again(), wait);
}

/** Requests the user first: a socket that is refused does not say whether a login is needed. */
async function again() {
  if (seq === undefined) return start();
  try {
    await api.me();
    connect();
  } catch {
    lost();
  }
}

/** Loads everything, then follows the events. Called again after a login. */
export async function start() {
  try {
    seq = await loadAll();
    connect();
  } catch {
    lost();
  }
}

/** Reconnects at once: the page is visible again, or the network is back. */
function hurry() {
  if (socket || needLogin.value || document.hidden) return;
  tries = 0;
  clearTimeout(timer);
  void again();
}

addEventListener('online', hurry);
document.addEventListener('visibilitychange', hurry);
