// SPDX-License-Identifier: Apache-2.0
// Bundles the page into a folder (dist/ unless another is named): node build.mjs [FOLDER]
// The bundle is committed, so that building the program needs neither node nor a registry; a test compares it.
import { build } from 'esbuild';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, 'dist'));
mkdirSync(out, { recursive: true });
for (const name of readdirSync(out)) rmSync(join(out, name), { recursive: true });
const { metafile } = await build({
  metafile: true,
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx' },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2021', 'chrome100', 'firefox100', 'safari15.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  banner: { js: '/* Video Detective, Apache-2.0. Libraries of others inside: see licenses.txt. */' },
  logLevel: 'warning',
});
cpSync(join(here, 'public'), out, { recursive: true });

// What the licenses of the libraries ask for: their words come along.
const names = new Set(Object.keys(metafile.inputs).map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
const texts = [...names].sort().map((name) => {
  const folder = join(here, 'node_modules', name);
  const file = readdirSync(folder).find((f) => /^(licen[cs]e|copying)/i.test(f));
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : 'No text comes with it.'}\n`;
});
writeFileSync(join(out, 'licenses.txt'), texts.join(`\n${'-'.repeat(72)}\n\n`));
