// SPDX-License-Identifier: Apache-2.0
// The page writes times as reports do: test-base.c has the same table.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { library, WEB } from './web.mjs';

const { build } = library('esbuild');
const { outputFiles } = await build({ entryPoints: [join(WEB, 'src', 'format.ts')], bundle: true, write: false, format: 'esm', logLevel: 'error' });
const { clock, exact } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

test('lengths and times', () => {
  for (const [us, short, long] of [[0, '0:00', '00:00:00.000'], [499999, '0:00', '00:00:00.499'], [500000, '0:01', '00:00:00.500'],
    [59499999, '0:59', '00:00:59.499'], [59500000, '1:00', '00:00:59.500'], [3599500000, '1:00:00', '00:59:59.500'],
    [33367, '0:00', '00:00:00.033'], [8575233, '0:09', '00:00:08.575'], [90061001000, '25:01:01', '25:01:01.001']]) {
    assert.equal(clock(us / 1e6), short);
    assert.equal(exact(us / 1e6), long);
  }
});
