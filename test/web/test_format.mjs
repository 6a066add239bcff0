// SPDX-License-Identifier: Apache-2.0
// The page writes times as reports do: test-base.c has the same table.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { library, WEB } from './web.mjs';

const { build } = library('esbuild');
const { outputFiles } = await build({ entryPoints: [join(WEB, 'src', 'format.ts')], bundle: true, write: false, format: 'esm', logLevel: 'error' });
const { clock, exact, wallTime } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

test('lengths and times', () => {
  for (const [us, short, long] of [[0, '0:00', '00:00:00.000'], [499999, '0:00', '00:00:00.499'], [500000, '0:01', '00:00:00.500'],
    [59499999, '0:59', '00:00:59.499'], [59500000, '1:00', '00:00:59.500'], [3599500000, '1:00:00', '00:59:59.500'],
    [33367, '0:00', '00:00:00.033'], [8575233, '0:09', '00:00:08.575'], [90061001000, '25:01:01', '25:01:01.001']]) {
    assert.equal(clock(us / 1e6), short);
    assert.equal(exact(us / 1e6), long);
  }
});

test('the time of day follows the pieces of the first clock that has one', () => {
  const piece = (start, at, speed = 1) => ({ start, end: start + 5, at, speed });
  const of = (dated, ...pieces) => ({ fault: null, clocks: [{ name: 'c', dated, readings: [{ pieces }], breaks: [] }] });
  const noon = Date.UTC(2026, 10, 30, 12) / 1000;
  assert.equal(wallTime(of(true, piece(0, noon), piece(10, noon + 47)), 9.5), '2026-11-30 12:00:09');
  assert.equal(wallTime(of(true, piece(0, noon), piece(10, noon + 47)), 10), '2026-11-30 12:00:47');
  assert.equal(wallTime(of(false, piece(1, 86399, 2)), 2), '00:00:01');
  for (const none of [null, undefined, { fault: 'x', clocks: [] }, of(true, piece(5, noon)), of(true, piece(0, 1e300))])
    assert.equal(wallTime(none, 1), '');
});
