// SPDX-License-Identifier: Apache-2.0
// The real tus-js-client against the real server, over a line that is cut at random places: what arrives is what was
// sent, byte for byte, also when the server is killed in the middle. VDET_SEED plays a run again.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { folder, library, makeVideo, needFfmpeg, Server, startEngine } from './web.mjs';

const tus = library('tus-js-client');
needFfmpeg();
const seed = Number(process.env.VDET_SEED ?? Date.now() % 1000000);
console.log(`VDET_SEED=${seed}`);
let state = seed;
/** Numbers that look random, the same for the same seed (mulberry32). */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const home = folder('tus');
// Noise compresses badly, so a short video is some megabytes.
const file = makeVideo(join(home, 'long.mp4'), 20, { size: '1280x720' });
const data = readFileSync(file), hash = createHash('sha256').update(data).digest('hex');
const engine = await startEngine();
const server = await new Server(home, engine).start();

/** Passes bytes on to the server, and cuts the line after some thousand of them; `cuts` times in all. */
function cutting(cuts, most) {
  const sockets = new Set();
  const proxy = createServer((client) => {
    const { hostname, port } = new URL(server.url);
    const far = createConnection(Number(port), hostname);
    let left = proxy.cuts > 0 ? Math.floor(random() * most) : Infinity;
    const cut = () => {
      client.destroy();
      far.destroy();
    };
    sockets.add(client);
    for (const s of [client, far]) s.on('error', cut).on('close', cut);
    const pass = (from, to) => from.on('data', (piece) => {
      const now = piece.subarray(0, Math.max(0, left));
      left -= piece.length;
      if (now.length) to.write(now);
      if (left <= 0 && !client.destroyed) {
        proxy.cuts--;
        cut();
      }
    });
    pass(client, far);
    pass(far, client);
  });
  proxy.cuts = cuts;
  after(() => {
    for (const s of sockets) s.destroy();
    proxy.close();
  });
  return new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(proxy)));
}

function upload(port, name, { piece, parallel, onProgress } = {}) {
  return new Promise((resolve, reject) => {
    const u = new tus.Upload(data, {
      endpoint: `http://127.0.0.1:${port}/api/v1/uploads`,
      chunkSize: piece ?? Infinity,
      parallelUploads: parallel ?? 1,
      retryDelays: Array.from({ length: 200 }, () => 20),
      metadata: { filename: name, filetype: 'video/mp4' },
      onProgress,
      onError: reject,
      onSuccess: ({ lastResponse }) => resolve(lastResponse),
    });
    u.start();
  });
}

async function sourceOf(name) {
  const video = (await server.get('videos')).videos.find((v) => v.names.includes(name));
  assert.ok(video, `${name} is there`);
  const response = await fetch(`${server.url}/api/v1/videos/${video.id}/source`);
  assert.equal(response.status, 200);
  return createHash('sha256').update(Buffer.from(await response.arrayBuffer())).digest('hex');
}

for (const [name, piece] of [['in one piece', undefined], ['in pieces', 200000]])
  test(`a line that is cut at random places, ${name}`, async () => {
    // Within a piece: each may have a connection of its own.
    const proxy = await cutting(12, Math.min(Math.floor(data.length / 4), piece ?? Infinity));
    await upload(proxy.address().port, `${name}.mp4`, { piece });
    assert.ok(proxy.cuts < 12, 'the line was cut');
    assert.equal(await sourceOf(`${name}.mp4`), hash);
  });

test('a server that is killed in the middle', async () => {
  const proxy = await cutting(0, 0);
  let killed;
  await upload(proxy.address().port, 'killed.mp4', {
    piece: Math.ceil(data.length / 8),
    onProgress: (sent) => {
      if (sent > data.length / 2) killed ??= server.restart();
    },
  });
  assert.ok(killed, 'it was killed');
  await killed;
  assert.equal(await sourceOf('killed.mp4'), hash);
});

test('two at once over one bad line', async () => {
  const proxy = await cutting(8, Math.floor(data.length / 3));
  await Promise.all(['left.mp4', 'right.mp4'].map((name) => upload(proxy.address().port, name, { piece: 300000 })));
  assert.equal(await sourceOf('left.mp4'), hash);
  assert.equal(await sourceOf('right.mp4'), hash);
});

test('parallel uploads that are concatenated', async () => {
  const proxy = await cutting(6, Math.floor(data.length / 4));
  await upload(proxy.address().port, 'parallel.mp4', { piece: 200000, parallel: 3 });
  assert.equal(await sourceOf('parallel.mp4'), hash);
});
