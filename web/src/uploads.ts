// SPDX-License-Identifier: Apache-2.0
// Uploads by the tus protocol: in parts, and resumable after any interruption.
import { signal } from '@preact/signals';
import { Upload } from 'tus-js-client';
import { BASE } from './api';
import { say } from './state';

export interface Transfer {
  id: number;
  file: File;
  sent: number;
  /** Bytes per second, over the last seconds. */
  rate: number;
  state: 'waiting' | 'sending' | 'retrying' | 'paused' | 'failed';
  error?: string;
}

export interface Wishes {
  prompt: string;
  chunk: string;
}

export const transfers = signal<Transfer[]>([]);
export const wishes = signal<Wishes>({ prompt: '', chunk: '' });

/** Below the limits of proxies (100 MB at Cloudflare), and small enough to repeat. */
const PIECE = 8 * 1024 * 1024;
/** More at once would only share the bandwidth. */
const AT_ONCE = 2;

const uploads = new Map<number, Upload>();
let nextId = 0;

const change = (id: number, by: Partial<Transfer>) => {
  transfers.value = transfers.value.map((t) => (t.id === id ? { ...t, ...by } : t));
};

function finish(id: number) {
  uploads.delete(id);
  transfers.value = transfers.value.filter((t) => t.id !== id);
  next();
}

function metadata(file: File): Record<string, string> {
  const { prompt, chunk } = wishes.peek();
  const data: Record<string, string> = { filename: file.name, filetype: file.type, analyze: 'true' };
  if (prompt.trim()) data.prompt = prompt.trim();
  if (chunk.trim()) data.options = JSON.stringify({ 'chunk.duration': chunk.trim() });
  return data;
}

function explain(error: any): string {
  const response = error?.originalResponse;
  try {
    const problem = JSON.parse(response?.getBody() ?? '');
    if (problem.detail || problem.title) return String(problem.detail || problem.title);
  } catch {
    // Not a problem document: the message of the client is used below.
  }
  if (!response) return 'The connection to the server was lost.';
  return `The server answered ${response.getStatus()}.`;
}

function make(id: number, file: File): Upload {
  let marks: [number, number][] = [];
  const upload: Upload = new Upload(file, {
    endpoint: `${BASE}/uploads`,
    chunkSize: PIECE,
    // Some minutes in all, without the user; then a button.
    retryDelays: [0, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 60000],
    removeFingerprintOnSuccess: true,
    metadata: metadata(file),
    onProgress: (sent) => {
      const now = performance.now();
      marks = [...marks.filter(([t]) => t > now - 4000), [now, sent]];
      const [t0, s0] = marks[0]!;
      change(id, { sent, state: 'sending', error: undefined, rate: now > t0 ? ((sent - s0) * 1000) / (now - t0) : 0 });
    },
    onShouldRetry: (error: any) => {
      const status = error?.originalResponse?.getStatus() ?? 0;
      const again = status < 400 || status >= 500 || [409, 423, 429].includes(status);
      // A full disk needs the user.
      if (!again || status === 507) return false;
      change(id, { state: 'retrying', error: explain(error), rate: 0 });
      return true;
    },
    onError: (error) => {
      change(id, { state: 'failed', error: explain(error), rate: 0 });
      say(`${file.name}: ${explain(error)}`, true);
      next();
    },
    onSuccess: ({ lastResponse }) => {
      const fault = lastResponse.getHeader('Vdet-Job-Error');
      if (fault) say(`${file.name} was stored, but is not analyzed: ${fault}`, true);
      finish(id);
    },
  });
  return upload;
}

async function begin(t: Transfer) {
  const upload = uploads.get(t.id) ?? make(t.id, t.file);
  uploads.set(t.id, upload);
  change(t.id, { state: 'sending', error: undefined });
  // An upload of the same file was started before: continue it.
  const earlier = upload.url ? [] : await upload.findPreviousUploads();
  const last = earlier.sort((a, b) => b.creationTime.localeCompare(a.creationTime))[0];
  if (last) upload.resumeFromPreviousUpload(last);
  upload.start();
}

function next() {
  const busy = transfers.value.filter((t) => t.state === 'sending' || t.state === 'retrying').length;
  for (const t of transfers.value.filter((x) => x.state === 'waiting').slice(0, Math.max(0, AT_ONCE - busy))) void begin(t);
}

export function addFiles(files: Iterable<File>) {
  const fresh: Transfer[] = [];
  for (const file of files) {
    if (!file.size) {
      say(`${file.name} is empty, or a folder.`, true);
      continue;
    }
    const same = (t: Transfer) => t.file.name === file.name && t.file.size === file.size && t.file.lastModified === file.lastModified;
    if (transfers.value.some(same)) continue;
    fresh.push({ id: ++nextId, file, sent: 0, rate: 0, state: 'waiting' });
  }
  transfers.value = [...transfers.value, ...fresh];
  next();
}

export function pauseUpload(id: number) {
  void uploads.get(id)?.abort();
  change(id, { state: 'paused', rate: 0 });
  next();
}

export function resumeUpload(id: number) {
  change(id, { state: 'waiting', error: undefined });
  next();
}

export function cancelUpload(id: number) {
  // true: the server deletes what it has. If that fails, it expires there.
  uploads.get(id)?.abort(true).catch(() => {});
  finish(id);
}

addEventListener('online', () => {
  for (const t of transfers.peek()) if (t.state === 'failed') resumeUpload(t.id);
});

addEventListener('beforeunload', (e) => {
  if (transfers.peek().some((t) => t.state === 'sending' || t.state === 'retrying')) e.preventDefault();
});
