// SPDX-License-Identifier: Apache-2.0
// The description of the API passes the recommended rules of Redocly's linter.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { require, ROOT, skip, WEB } from './web.mjs';

const file = join(ROOT, 'src', 'net', 'api', 'openapi.json');
const [major] = process.versions.node.split('.').map(Number);
if (major < 20) skip('the linter needs Node.js 20');
let linter;
try {
  linter = join(dirname(require.resolve('@redocly/cli/package.json')), 'bin', 'cli.js');
} catch {
  skip('@redocly/cli is not in web/node_modules; tools/setup test brings it where npm is at hand');
}

test('the linter has nothing to say', () => {
  // A WebSocket is opened by 101: that operation has no 2xx.
  const r = spawnSync(process.execPath, [linter, 'lint', '--extends=recommended', '--skip-rule=operation-2xx-response', '--format=json', file], {
    cwd: WEB, encoding: 'utf8', env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
  });
  const found = JSON.parse(r.stdout.slice(r.stdout.indexOf('{')));
  assert.deepEqual(found.problems.map((p) => `${p.ruleId}: ${p.message} (${p.location[0].pointer})`), []);
  assert.equal(r.status, 0, r.stderr);
});

test('each operation has an id of its own', () => {
  const operations = Object.values(JSON.parse(readFileSync(file, 'utf8')).paths)
    .flatMap((path) => Object.entries(path).filter(([name]) => name !== 'parameters').map(([, operation]) => operation.operationId));
  assert.ok(operations.every(Boolean));
  assert.equal(new Set(operations).size, operations.length);
});
