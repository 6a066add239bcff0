// Bundles the page into a folder (dist/ unless another is named): node build.mjs [FOLDER]
// The bundle is committed, so that building the program needs neither node nor a registry; a test compares it.
import { build } from 'esbuild';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, 'dist'));
mkdirSync(out, { recursive: true });
for (const name of readdirSync(out)) rmSync(join(out, name), { recursive: true });
await build({
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
  banner: { js: '/* Video Detective, Apache-2.0. With Preact, Preact Signals, TanStack Virtual, tus-js-client, uPlot: MIT. */' },
  logLevel: 'warning',
});
cpSync(join(here, 'public'), out, { recursive: true });
