// SPDX-License-Identifier: Apache-2.0
// The bundle that is committed is the one that the sources make, small enough, and tells no host of a registry.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { folder, library, ROOT, WEB } from './web.mjs';

const LIMIT = 150000;
library('esbuild');

test('web/dist is what tools/web makes of web/src', () => {
  const made = folder('bundle');
  execFileSync(join(ROOT, 'tools', 'web'), [made], { stdio: ['ignore', 'inherit', 'inherit'] });
  const names = readdirSync(made).sort();
  assert.deepEqual(readdirSync(join(WEB, 'dist')).sort(), names);
  for (const name of names)
    assert.ok(readFileSync(join(made, name)).equals(readFileSync(join(WEB, 'dist', name))), `web/dist/${name} is stale; run tools/web`);
});

test('the page is small', () => {
  const sizes = readdirSync(join(WEB, 'dist')).map((name) => gzipSync(readFileSync(join(WEB, 'dist', name)), { level: 9 }).length);
  const sum = sizes.reduce((a, b) => a + b);
  assert.ok(sum < LIMIT, `${sum} bytes compressed; the limit is ${LIMIT}`);
});

test('the page asks nobody else', () => {
  const html = readFileSync(join(WEB, 'dist', 'index.html'), 'utf8');
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
  assert.doesNotMatch(html, /<script>|<style>| style=| on\w+=/, 'inline scripts and styles are not allowed by our policy');
  assert.doesNotMatch(readFileSync(join(WEB, 'package-lock.json'), 'utf8'), /"resolved"/);
});
