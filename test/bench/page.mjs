// SPDX-License-Identifier: Apache-2.0
// What the page costs: node test/bench/page.mjs
//
// Its size on the wire; how long until something is painted, and until the board is there, beside a text file of the
// same server; how evenly a day with 5,000 events scrolls by a fast wheel, beside bare text. Needs what the tests in
// test/web need. Times are of this machine and of what else it does at the moment; the ratios say more.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { folder, openPage, Server, startBrowser, startEngine, WEB } from '../web/web.mjs';

const LOADS = 7, DAY = 86400, EVENTS = 5000;
const middle = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
const near = (all, share) => [...all].sort((a, b) => a - b)[Math.floor((all.length - 1) * share)];

/** Scrolls an element by 120 pixels a frame, 300 times; gives the time of each frame in milliseconds. */
const scroll = (selector) => new Promise((resolve) => {
  const box = document.querySelector(selector), times = [];
  let last;
  const step = (now) => {
    if (last !== undefined) times.push(now - last);
    last = now;
    box.scrollTop += 120;
    if (times.length < 300) requestAnimationFrame(step);
    else resolve(times);
  };
  requestAnimationFrame(step);
});

test('the page', async () => {
  const names = readdirSync(join(WEB, 'dist'));
  const sizes = names.map((name) => gzipSync(readFileSync(join(WEB, 'dist', name)), { level: 9 }).length);
  console.log(`compressed: ${sizes.reduce((a, b) => a + b)} bytes (${names.map((n, i) => `${n} ${sizes[i]}`).join(', ')})`);

  const browser = await startBrowser(), engine = await startEngine();
  const server = await new Server(folder('bench-page'), engine).start();
  const first = { page: [], text: [] }, boards = [];
  for (let i = 0; i < LOADS; i++)
    for (const what of ['text', 'page']) {
      const page = await openPage(browser, server);
      await page.goto(what === 'page' ? server.url : `${server.url}/licenses.txt`);
      if (what === 'page') {
        await page.locator('.intake').waitFor();
        boards.push(await page.evaluate(() => performance.now()));
      }
      const paint = await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
      first[what].push(await paint.jsonValue());
      await page.context().close();
    }
  const [paint, text] = [middle(first.page), middle(first.text)];
  console.log(`first paint: ${paint.toFixed(0)} ms, a text file ${text.toFixed(0)} ms, ratio ${(paint / text).toFixed(2)} (middle of ${LOADS} cold loads)`);
  console.log(`board there: ${middle(boards).toFixed(0)} ms`);

  const page = await openPage(browser, server);
  const events = Array.from({ length: EVENTS }, (_, i) => ({
    start: (i * DAY) / EVENTS, end: (i * DAY) / EVENTS + 5, what: `event number ${i + 1}${i % 7 ? '' : ', which takes more words to tell than others'}`,
    chunk: 0, frames: [{ pts: (i * DAY) / EVENTS, sample: 0 }],
  }));
  const job = { id: '1', video: null, name: 'day.mp4', state: 'done', duration: DAY, chunks: 1, done: 1, holes: 0, priority: 0, events: EVENTS };
  const reply = (body) => (route) => route.fulfill({ json: body });
  await page.route('**/api/v1/jobs', reply({ seq: 0, jobs: [job] }));
  await page.route('**/jobs/1/events', reply({ seq: 0, events }));
  await page.route('**/jobs/1/chunks', reply({ seq: 0, chunks: [] }));
  await page.route('**/picture?*', (route) => route.abort());
  await page.goto(`${server.url}/#/video/1`);
  await page.locator('.event').first().waitFor();
  // Processor time of the page's main thread: what other programs do does not change it.
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value * 1000]));
  const before = await busy();
  const frames = await page.evaluate(scroll, '.long');
  const after = await busy(), cost = (name) => ((after[name] - before[name]) / frames.length).toFixed(1);
  console.log(`scrolling ${EVENTS} events takes ${cost('TaskDuration')} ms of the page's processor a frame (scripts ${cost('ScriptDuration')}, `
    + `layout ${cost('LayoutDuration')}, styles ${cost('RecalcStyleDuration')})`);
  await page.goto('about:blank');
  await page.setContent(`<div id="b" style="height:600px;overflow:auto">${events.map((e) => `<p>${e.what}</p>`).join('')}</div>`);
  const bare = await page.evaluate(scroll, '#b');
  const tell = (all) => `${middle(all).toFixed(1)} ms a frame, 95 % within ${near(all, 0.95).toFixed(1)}`;
  console.log(`scrolling ${EVENTS} events: ${tell(frames)}; bare text: ${tell(bare)}; ratio ${(middle(frames) / middle(bare)).toFixed(2)}`);
});
