// SPDX-License-Identifier: Apache-2.0
// What the tests of the page share: the real server with the stand-in engine, videos made on the spot, a browser.
//
// A test program says with exit code 77, and in words, that it cannot run here: no node_modules (tools/setup test
// brings them), no Chromium, no ffmpeg.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const WEB = join(ROOT, 'web');
export const VDET = process.env.VDET ?? join(ROOT, 'build', 'src', 'app', 'vdet');
export const require = createRequire(join(WEB, 'package.json'));
/** A busy machine is many times slower; this only ends what hangs. */
export const PATIENCE = 180000;

export function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(77);
}

export function find(...programs) {
  for (const program of programs)
    for (const folder of (process.env.PATH ?? '').split(delimiter)) if (existsSync(join(folder, program))) return join(folder, program);
  return undefined;
}

/** A library of the page's; where it is not here the whole program is skipped. */
export function library(name) {
  try {
    return require(name);
  } catch {
    return skip(`${name} is not in web/node_modules; tools/setup test brings it where npm is at hand`);
  }
}

export function needFfmpeg() {
  if (!find('ffmpeg')) skip('ffmpeg is not here');
}

// In reverse order, and whatever one of them throws: a server that is still running writes into its folder, and a browser
// that is left open keeps the test from ending.
const endings = [];
after(async () => {
  const faults = [];
  for (const end of endings.reverse())
    try {
      await end();
    } catch (fault) {
      faults.push(fault);
    }
  if (faults.length) throw faults[0];
});

/** Something else that has to be ended with the test. */
export function atEnd(end) {
  endings.push(end);
}

export function folder(prefix) {
  const made = mkdtempSync(join(tmpdir(), `vdet-${prefix}-`));
  endings.push(() => rmSync(made, { recursive: true, force: true, maxRetries: 5 }));
  return made;
}

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-pix_fmt', 'yuv420p', '-movflags', '+faststart'];

/** A video of moving test patterns, H.264 unless told otherwise; another `hue`, another video. */
export function makeVideo(path, seconds, { size = '320x180', hue = 0, codec = H264, subtitles = '' } = {}) {
  const texts = subtitles ? ['-i', `${path}.srt`, '-map', '0:v', '-map', '1:s', '-c:s', 'mov_text'] : [];
  if (subtitles) writeFileSync(`${path}.srt`, subtitles);
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=10:d=${seconds}`, ...texts, '-vf', `hue=h=${hue}`, ...codec, path]);
  return path;
}

function children() {
  const all = new Set();
  endings.push(async () => {
    for (const child of all) await child.end('SIGKILL');
  });
  return all;
}
let started;

/** A child that is ended with the test; `ready` sees each line of its output. */
function launch(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let said = '';
  const over = new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));
  child.stderr.on('data', (data) => {
    said = (said + data).slice(-4000);
  });
  const lines = createInterface({ input: child.stdout });
  const result = {
    over,
    said: () => said,
    end: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return over;
    },
    line: (pattern) => new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        said = `${said}${line}\n`.slice(-4000);
        const m = pattern.exec(line);
        if (m) resolve(m);
      });
      over.then((code) => reject(new Error(`${command} ended with ${code}:\n${said}`)));
    }),
  };
  started ??= children();
  started.add(result);
  return result;
}

/** The stand-in engine of the flow tests. `control()` changes its script; see fake_engine.py for the faults. */
export async function startEngine(...args) {
  const python = find('python3') ?? skip('python3 is not here');
  const child = launch(python, [join(ROOT, 'test', 'flow', 'fake_engine.py'), ...args]);
  const [, port] = await child.line(/^(\d+)$/);
  const url = `http://127.0.0.1:${port}`;
  return {
    url: `${url}/v1`,
    control: async (change) => (await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify(change) })).json(),
  };
}

/** `vdet serve` in a place of its own. restart() brings it back at the same address, with what it had. */
export class Server {
  constructor(home, engine, args = []) {
    this.home = home;
    this.args = ['--engine', engine.url, '--sample-policy', 'even', '--chunk-duration', '5', '--chunk-frames', '2', ...args];
    this.listen = '127.0.0.1:0';
    this.env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VDET_')));
    for (const name of ['DATA', 'CONFIG', 'CACHE']) this.env[`XDG_${name}_HOME`] = join(home, name.toLowerCase());
    this.env.VDET_TEXT_SCREEN = 'off'; // test_page.mjs puts the texts of the picture into the journal itself
  }

  async start() {
    this.child = launch(VDET, ['serve', '--listen', this.listen, ...this.args], { cwd: this.home, env: this.env });
    const [url] = await this.child.line(/https?:\/\/[^\s/]+/);
    this.url = url;
    this.listen = new URL(url).host;
    return this;
  }

  async restart(signal = 'SIGKILL') {
    await this.child.end(signal);
    return this.start();
  }

  vdet(...args) {
    return execFileSync(VDET, args, { cwd: this.home, env: this.env, encoding: 'utf8' });
  }

  /** The clock of a run, as its analysis would have read it. */
  setClock(run, clock) {
    const script = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as s:
    s.execute("INSERT OR REPLACE INTO wall_clock (job, data) VALUES (?, ?)", sys.argv[2:4])
`;
    execFileSync(find('python3') ?? skip('python3 is not here'),
      ['-c', script, join(this.home, 'data', 'vdet', 'vdet.db'), run, JSON.stringify(clock)]);
  }

  /** Texts of a run, as its analysis would have recognized them: [kind, start, end, text, box], in seconds. */
  addTexts(run, ...texts) {
    const script = `
import json, sqlite3, sys
path, run, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with sqlite3.connect(path, timeout=60) as s:
    for kind, start, end, text, box in texts:
        track = 0 if kind == "written" else 1
        for at in (-1, track):
            s.execute("INSERT OR IGNORE INTO text_source (job, kind, track, format, lang, title, fault) VALUES (?, ?, ?, '', '', '', '')", (run, kind, at))
        s.execute("INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, end_us, text, lang, who, track, conf, box) SELECT source, stream, id, ?, -1, -1, ?, ?, ?, '', '', ?, 0.5, ? FROM job WHERE id = ?", (kind, int(start * 1e6), int(end * 1e6), text, track, box, run))
`;
    execFileSync(find('python3') ?? skip('python3 is not here'),
      ['-c', script, join(this.home, 'data', 'vdet', 'vdet.db'), run, JSON.stringify(texts)]);
  }

  async get(path) {
    const response = await fetch(`${this.url}/api/v1/${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}

/** Debian's Chromium, headless. */
export async function startBrowser() {
  const { chromium } = library('playwright-core');
  const executablePath = find('chromium', 'chromium-browser', 'google-chrome') ?? skip('Chromium is not here; tools/setup test brings it');
  const browser = await chromium.launch({
    executablePath,
    timeout: PATIENCE,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  endings.push(() => browser.close());
  return browser;
}

/** A page that fails the test for any error in it, and for any request to another server. */
export async function openPage(browser, server, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    // What the network says when the server is away is expected, and told by the page itself.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) page.faults.push(message.text());
  });
  page.on('response', (response) => {
    if (response.status() === 404 && /\/poster$|storyboard/.test(response.url())) page.faults.push(`404 of ${response.url()}`);
  });
  page.on('request', (request) => {
    if (!/^(blob:|data:)/.test(request.url()) && new URL(request.url()).host !== server.listen) page.faults.push(`a request to ${request.url()}`);
  });
  return page;
}

/** Where pictures of the page are kept. */
export function shots() {
  const out = process.env.VDET_WEB_OUT ?? join(tmpdir(), 'vdet-web-shots');
  mkdirSync(out, { recursive: true });
  return (name) => join(out, `${name}.png`);
}
