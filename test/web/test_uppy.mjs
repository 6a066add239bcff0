// SPDX-License-Identifier: Apache-2.0
// Uppy with its tus plugin, in a browser, against the real server: one upload in parts, and one whose parts are sent in
// parallel and concatenated.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { folder, library, makeVideo, needFfmpeg, openPage, require, Server, skip, startBrowser, startEngine, WEB } from './web.mjs';

const { build } = library('esbuild');
library('playwright-core');
for (const name of ['@uppy/core', '@uppy/tus'])
  try {
    require.resolve(`${name}/package.json`);
  } catch {
    skip(`${name} is not in web/node_modules; tools/setup test brings it where npm is at hand`);
  }
needFfmpeg();

const home = folder('uppy');
const browser = await startBrowser();
const server = await new Server(home, await startEngine()).start();
const bundle = await build({
  stdin: { contents: "export { default as Uppy } from '@uppy/core'; export { default as Tus } from '@uppy/tus';", resolveDir: WEB },
  bundle: true, write: false, format: 'iife', globalName: 'library', platform: 'browser', logLevel: 'error',
});
// The page's own policy forbids foreign scripts.
const page = await openPage(browser, server, { bypassCSP: true });
await page.goto(server.url);
await page.addScriptTag({ content: bundle.outputFiles[0].text });

/** Runs in the page: uploads one file; what Uppy says of it. */
async function upload({ name, data, options }) {
  const { Uppy, Tus } = globalThis.library;
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const uppy = new Uppy({ autoProceed: false }).use(Tus, { endpoint: '/api/v1/uploads', retryDelays: [20, 20, 20], ...options });
  uppy.setMeta({ analyze: 'true' });
  uppy.addFile({ name, type: 'video/mp4', data: new File([bytes], name, { type: 'video/mp4' }) });
  const { successful, failed } = await uppy.upload();
  return { sent: successful.map((file) => file.response.uploadURL), failed: failed.map((file) => String(file.error)) };
}

for (const [name, hue, options] of [['in-parts.mp4', 0, { chunkSize: 100000 }], ['parallel.mp4', 90, { chunkSize: 100000, parallelUploads: 3 }]])
  test(name, async () => {
    const data = readFileSync(makeVideo(join(home, name), 10, { size: '640x360', hue }));
    const { sent, failed } = await page.evaluate(upload, { name, data: data.toString('base64'), options });
    assert.deepEqual(failed, []);
    assert.equal(sent.length, 1);
    const video = (await server.get('videos')).videos.find((v) => v.name === name);
    assert.equal(video?.sha256, createHash('sha256').update(data).digest('hex'));
    assert.ok((await server.get('jobs')).jobs.some((job) => job.video === video.id), 'its analysis is in the queue');
    assert.deepEqual(page.faults, []);
  });
