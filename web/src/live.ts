// SPDX-License-Identifier: Apache-2.0
// The live line: one WebSocket, numbered events, again and again until it stands.
//
// A lost line comes back with what was missed, in order. Where the server no longer has that, or is another one
// (its numbers begin anew), everything is loaded again, and the views are told to do the same.
import { api, BASE } from './api';
import { addMetrics, dropJob, dropVideo, link, loadAll, needLogin, putJob, putVideo, retryAt, say } from './state';
import type { Chunk, Results } from './types';

export type LiveEvent =
  | { type: 'chunk'; job: string; data: Chunk }
  | { type: 'results'; job: string; data: Results }
  | { type: 'reload' };

type Listener = (event: LiveEvent) => void;
const listeners = new Set<Listener>();

/** Calls back for each event about chunks and results; returns how to stop. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let socket: WebSocket | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let seq: number | undefined;
let epoch: unknown;
let tries = 0;

const tell = (event: LiveEvent) => listeners.forEach((listener) => listener(event));

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
    case 'chunk':
    case 'results':
      tell({ type, job, data });
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
  tell({ type: 'reload' });
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
  // 0.25 s at first, then twice as long each time up to 15 s, and not all pages at the same moment.
  const wait = Math.min(15000, 250 * 2 ** tries++) * (0.75 + Math.random() / 2);
  retryAt.value = Date.now() + wait;
  clearTimeout(timer);
  timer = setTimeout(() => void again(), wait);
}

/** Asks first who we are: a socket that is refused does not say why, and the login form is shown only for a reason. */
async function again() {
  if (seq === undefined) return start();
  try {
    await api.me();
    connect();
  } catch {
    lost();
  }
}

/** Loads everything, then follows. Called again after a login. */
export async function start() {
  try {
    seq = await loadAll();
    connect();
  } catch {
    lost();
  }
}

/** The line may be tried at once: the page is looked at again, or the network is back. */
function hurry() {
  if (socket || needLogin.value || document.hidden) return;
  tries = 0;
  clearTimeout(timer);
  void again();
}

addEventListener('online', hurry);
document.addEventListener('visibilitychange', hurry);
