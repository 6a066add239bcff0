// SPDX-License-Identifier: Apache-2.0
// The page in a browser, before the real server: upload, progress, results while a job runs, a restart of the server,
// search, playback, a hole tried again, theme and phone, keys, login, a day of events.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { folder, library, makeVideo, needFfmpeg, openPage, PATIENCE, Server, shots, startBrowser, startEngine } from './web.mjs';

library('playwright-core');
needFfmpeg();
const home = folder('page'), shot = shots();
const first = makeVideo(join(home, 'first <b>video.mp4'), 20), second = makeVideo(join(home, 'second.mp4'), 20,
  { hue: 90, subtitles: '1\n00:00:03,500 --> 00:00:05,000\nThe zeppelin <b>lands</b> & 1 < 2.\n' });
const browser = await startBrowser();
const engine = await startEngine('--slots', '1');
const server = await new Server(home, engine, ['--queue-jobs', '1', '--workers', '1', '--retries', '0', '--connect-timeout', '2']).start();
const page = await openPage(browser, server);
const card = (name) => page.locator('.card', { hasText: name });
const until = (locator) => locator.first().waitFor({ timeout: PATIENCE });
const noFaults = () => assert.deepEqual(page.faults, []);

test('an empty board says what to do', async () => {
  await page.goto(server.url);
  await until(page.getByText('Drop videos anywhere on this page.'));
  await until(page.locator('[data-link=live]'));
  noFaults();
});

test('what spoils every result is said before the first video', async () => {
  const other = await openPage(browser, server), text = 'The bundled demo model answers';
  await other.route('**/api/v1/performance', (route) => route.fulfill({ json: {
    now: {}, history: [], recommendations: [{ level: 'warning', text, action: 'fetch a model' }, { level: 'info', text: 'slower than it could be' }],
  } }));
  await other.goto(server.url);
  await until(other.locator('.advice .note', { hasText: 'fetch a model' }));
  assert.equal(await other.locator('.advice li').count(), 1, 'what would only be faster stands in the view of the machine');
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test('two files dropped at once are uploaded and put into the queue', async () => {
  await engine.control({ faults: ['never@3+'], reset: true });
  await page.setInputFiles('#files', [first, second]);
  await until(card('first <b>video.mp4'));
  await until(card('second.mp4'));
  noFaults();
});

test('results are there while the job still runs', async () => {
  // The engine has answered twice, and is silent about the third chunk.
  await until(page.locator('.card.running .dot-done'));
  await page.locator('.card.running h3 a').first().click();
  await until(page.locator('.event .what'));
  await page.waitForFunction(() => document.querySelectorAll('.event').length >= 2, undefined, { timeout: PATIENCE });
  assert.match(await page.locator('.video-head .state').innerText(), /Chunk 3\/4/);
  await page.screenshot({ path: shot('video-running') });
  noFaults();
});

test('Pause answers at once, and can be taken back', async () => {
  const head = page.locator('.video-head');
  await head.getByRole('button', { name: /^Pause/ }).click();
  await until(head.getByText('pausing after this chunk'));
  assert.equal(await head.getByRole('button', { name: /^Pause/ }).count(), 0);
  await head.getByRole('button', { name: /^Resume/ }).click();
  await head.getByText('pausing after this chunk').waitFor({ state: 'detached', timeout: PATIENCE });
  noFaults();
});

test('the page outlives its server, and the job too', async () => {
  const name = await page.locator('.video-head h1').innerText();
  await page.locator('#filter').fill('pictures');
  await server.child.end('SIGKILL');
  await until(page.locator('[data-link=lost]'));
  assert.ok(await page.locator('.event').count() >= 2, 'what was shown stays');
  await engine.control({ faults: [], reset: true });
  await server.start();
  await until(page.locator('[data-link=live]'));
  await until(page.locator('.video-head .state.done'));
  assert.equal(await page.locator('.video-head h1').innerText(), name);
  assert.equal(await page.locator('#filter').inputValue(), 'pictures', 'the view was not lost');
  const { requests } = await engine.control({});
  assert.ok(requests > 0);
  await page.waitForFunction(() => document.querySelectorAll('.event').length >= 4, undefined, { timeout: PATIENCE });
  noFaults();
});

test('both are finished, and both reports can be read', async () => {
  await page.locator('.brand').click();
  await page.waitForFunction(() => document.querySelectorAll('.card.done').length === 2, undefined, { timeout: PATIENCE });
  for (const job of (await server.get('jobs')).jobs) {
    assert.equal(job.done, 4);
    const link = page.locator(`[data-job="${job.id}"]`).getByRole('link', { name: /^Report/ });
    const html = await page.request.get(new URL(await link.getAttribute('href'), server.url).href);
    assert.equal(html.status(), 200);
    assert.match(await html.text(), /<h2 id="h-events">/);
  }
  assert.equal(await page.locator('.card b b, .card h3 b').count(), 0, 'a name is text, never markup');
  await page.screenshot({ path: shot('board-light'), fullPage: true });
  noFaults();
});

test('a click on an event brings the player there', async () => {
  await card('second.mp4').locator('h3 a').click();
  const event = page.locator('.event').nth(2);
  await until(event);
  await page.waitForFunction(() => (document.querySelector('video')?.readyState ?? 0) >= 1, undefined, { timeout: PATIENCE });
  await event.locator('.what').click();
  const id = (await server.get('jobs')).jobs.find((j) => j.name === 'second.mp4').id;
  const { events } = await server.get(`jobs/${id}/events`);
  const wanted = events[2].start;
  await page.waitForFunction((t) => Math.abs(document.querySelector('video').currentTime - t) < 0.01, wanted, { timeout: PATIENCE });
  await until(page.locator('.event.current'));
  // The same by keys: the event after that.
  await page.locator('body').press('n');
  await page.waitForFunction((t) => Math.abs(document.querySelector('video').currentTime - t) < 0.01, events[3].start, { timeout: PATIENCE });
  // And on the timeline: its end.
  await page.locator('.lanes').press('Home');
  await page.waitForFunction(() => document.querySelector('video').currentTime < 0.01, undefined, { timeout: PATIENCE });
  noFaults();
});

test('the filter and the search find words', async () => {
  const what = await page.locator('.event .what').first().innerText();
  const word = /[0-9a-f]{8}/.exec(what)[0], listed = (await page.locator('.event .time').first().innerText()).split('–')[0].trim();
  const decodes = [];
  page.on('request', (request) => { if (request.url().includes('/frames?')) decodes.push(request.url()); });
  await page.locator('#filter').fill(word);
  await page.waitForFunction(() => document.querySelectorAll('.event').length === 1, undefined, { timeout: PATIENCE });
  await page.locator('#search').fill(word);
  const hit = page.locator('.hits a').first();
  await until(hit);
  assert.match(await hit.innerText(), new RegExp(word));
  const same = page.locator('.hits a:not([href*=panel])').first();
  assert.equal(await same.locator('time').innerText(), listed, 'one time in both lists');
  await hit.locator('img').evaluate((image) => image.decode());
  assert.match(await hit.locator('img').getAttribute('src'), /picture\?chunk=\d+&sample=\d+$/);
  assert.equal(await hit.locator('mark').first().innerText(), word);
  assert.deepEqual(decodes, [], 'a search decodes no frame');
  await page.screenshot({ path: shot('search') });
  await hit.click();
  await until(page.locator('main.video'));
  await page.goBack();
  assert.equal(await page.locator('#search').inputValue(), word, 'the way back leads to the search');
  noFaults();
});

test('a hole says why, and is tried again alone', async () => {
  const third = makeVideo(join(home, 'third.mp4'), 15, { hue: 180 });
  await engine.control({ faults: ['400@2'], reset: true });
  await page.goto(server.url);
  await page.setInputFiles('#files', [third]);
  await until(page.locator('.card.holes', { hasText: 'third.mp4' }));
  await page.locator('.card.holes h3 a').click();
  await page.getByRole('tab', { name: /Chunks/ }).click();
  const hole = page.locator('.chunk.hole');
  await until(hole);
  assert.notEqual((await hole.locator('.fault').innerText()).trim(), '');
  await page.screenshot({ path: shot('video-hole') });
  await engine.control({ faults: [], reset: true });
  await hole.getByRole('button', { name: 'Retry' }).click();
  await until(page.locator('.video-head .state.done'));
  await page.waitForFunction(() => !document.querySelector('.chunk.hole'), undefined, { timeout: PATIENCE });
  noFaults();
});

test('a file that is dropped goes up, and is played although no browser knows it', async () => {
  const old = makeVideo(join(home, 'old.ts'), 10, { hue: 270, codec: ['-c:v', 'mpeg2video', '-r', '25', '-q:v', '8'] });
  await page.locator('.brand').click();
  const files = await page.evaluateHandle((data) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], 'old.ts', { type: 'video/mp2t' }));
    return transfer;
  }, readFileSync(old).toString('base64'));
  // The very events of a browser; they reach the window from wherever the file is let go.
  const place = page.locator('main');
  await place.dispatchEvent('dragenter', { dataTransfer: files });
  await until(page.locator('.drop'));
  await page.screenshot({ path: shot('drop') });
  await place.dispatchEvent('dragover', { dataTransfer: files });
  await place.dispatchEvent('drop', { dataTransfer: files });
  await page.locator('.drop').waitFor({ state: 'detached', timeout: PATIENCE });
  await until(page.locator('.card.done', { hasText: 'old.ts' }));
  await card('old.ts').locator('h3 a').click();
  await page.waitForFunction(() => {
    const video = document.querySelector('video[src$="/proxy"]');
    return video && video.readyState >= 2 && video.videoWidth > 0;
  }, undefined, { timeout: PATIENCE });
  const event = page.locator('.event').nth(1);
  await event.locator('.what').click();
  await page.waitForFunction(() => document.querySelector('video').currentTime > 1, undefined, { timeout: PATIENCE });
  noFaults();
});

test('over the timeline there are small pictures at once', async () => {
  const tile = page.locator('.tip .tile');
  const { video } = (await server.get('jobs')).jobs.find((j) => j.name === 'old.ts');
  await page.waitForFunction((url) => fetch(url).then((r) => r.ok), `/api/v1/videos/${video}/storyboard.vtt`, { timeout: PATIENCE, polling: 200 });
  const box = await page.locator('.lanes').boundingBox();
  await page.mouse.move(box.x + box.width / 3, box.y + box.height / 2);
  await until(tile);
  const picture = await tile.evaluate((e) => getComputedStyle(e).backgroundImage);
  const sheet = /url\("(.*)"\)/.exec(picture)[1];
  assert.match(sheet, /storyboard-1\.jpg$/);
  const loaded = await page.evaluate((url) => new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image.naturalWidth);
    image.onerror = () => resolve(0);
    image.src = url;
  }), sheet);
  assert.ok(loaded > 0, 'the sheet is a picture');
  await page.screenshot({ path: shot('storyboard') });
  await page.mouse.move(0, 0);
  noFaults();
});

test('what was found can be taken along, in every form', async () => {
  await page.locator('.brand').click();
  const menu = card('second.mp4').locator('.menu');
  const begins = { HTML: /^<!doctype html>/i, JSON: /^\{/, Markdown: /^#/, WebVTT: /^WEBVTT/, CSV: /^\S+,/ };
  for (const [name, begin] of Object.entries(begins)) {
    await menu.locator('summary').click();
    const [download] = await Promise.all([page.waitForEvent('download', { timeout: PATIENCE }), menu.locator('a', { hasText: `(${name})` }).click()]);
    assert.match(download.suggestedFilename(), /^second/);
    assert.match(readFileSync(await download.path(), 'utf8').replace(/^\ufeff/, ''), begin, name);
    assert.equal(await menu.getAttribute('open'), null, 'the menu is closed again');
  }
  noFaults();
});

test('a file that is not a video shows its reason and nothing else', async () => {
  const broken = join(home, 'broken.mp4');
  writeFileSync(broken, 'not a video');
  await page.goto(server.url);
  await page.setInputFiles('#files', [broken]);
  const failed = page.locator('.card.failed', { hasText: 'broken.mp4' });
  await until(failed);
  assert.match(await failed.locator('.fault').innerText(), /video/);
  assert.equal(await failed.locator('img, progress, .facts, .dots').count(), 0);
  await failed.locator('h3 a').click();
  await until(page.locator('main .fault'));
  assert.equal(await page.locator('video, .timeline, .frames-player, [role=tab]').count(), 0);
  noFaults();
});

test('who appears is listed, and can be named, merged, split and undone', async () => {
  const { id } = (await server.get('jobs')).jobs.find((j) => j.name === 'second.mp4');
  const { subjects } = await server.get(`jobs/${id}/subjects`);
  assert.ok(subjects.length >= 3);
  await page.goto(`${server.url}/#/video/${id}?panel=subjects`);
  const row = (n) => page.locator('.subject', { has: page.locator('h3 small', { hasText: new RegExp(`^${n}$`) }) });
  const open = (n) => row(n).getByText('Correct', { exact: true }).click();
  await until(row(1));
  assert.equal(await page.locator('.subject').count(), subjects.length);
  await row(2).locator('.time').first().click();
  await page.waitForFunction((t) => Math.abs(document.querySelector('video').currentTime - t) < 0.01, subjects[1].intervals[0].start, { timeout: PATIENCE });

  await open(1);
  await row(1).getByLabel('Name of subject 1').fill('Anna <b>');
  await row(1).getByRole('button', { name: 'Rename' }).click();
  await until(row(1).getByText('Anna <b>'));
  await open(1);
  await row(1).getByLabel('Same as subject 1').selectOption('2');
  await row(1).getByRole('button', { name: 'Merge' }).click();
  await row(2).waitFor({ state: 'detached', timeout: PATIENCE });
  await until(row(1).getByText('2 events'));
  await page.screenshot({ path: shot('subjects') });

  await open(1);
  await row(1).getByText('Split', { exact: true }).click();
  await row(1).getByRole('checkbox').nth(1).check();
  await row(1).getByRole('button', { name: 'Make these a subject of their own' }).click();
  await page.waitForFunction((n) => document.querySelectorAll('.subject').length === n, subjects.length, { timeout: PATIENCE });
  for (const left of ['2 edits', '1 edit ']) {
    await page.getByRole('button', { name: 'Undo the last' }).click();
    await until(page.locator('.subjects .note', { hasText: left }));
  }
  await page.getByRole('button', { name: 'Undo the last' }).click();
  await page.getByRole('button', { name: 'Undo the last' }).waitFor({ state: 'detached', timeout: PATIENCE });
  assert.deepEqual((await server.get(`jobs/${id}/subjects`)).subjects.map((s) => s.name), subjects.map(() => null));
  noFaults();
});

test('what is said is listed and found, and leads to its time', async () => {
  const { id } = (await server.get('jobs')).jobs.find((j) => j.name === 'second.mp4');
  await page.goto(`${server.url}/#/video/${id}?panel=said`);
  await until(page.locator('p.said', { hasText: 'The zeppelin lands & 1 < 2.' }));
  await page.locator('p.said .time').click();
  await page.waitForFunction(() => Math.abs(document.querySelector('video').currentTime - 3.5) < 0.01, undefined, { timeout: PATIENCE });
  await page.screenshot({ path: shot('said') });
  await page.locator('#search').fill('zeppelin');
  await until(page.locator('.hits .note', { hasText: 'said' }));
  await page.locator('.hits a').first().click();
  await until(page.locator('p.said'));
  noFaults();
});

test('speech and written text are listed beside it, drawn, filtered, taken along and found', async () => {
  const { id, journal, duration } = (await server.get('jobs')).jobs.find((j) => j.name === 'second.mp4');
  server.addTexts(journal, ['speech', 6, 8, 'we <i>meet</i> at the mill', ''], ['written', 2, 12, 'EXIT 42', '1000 2000 5000 1000'],
    ['written', 14, 15, 'no place', '']);
  await page.goto(server.url);
  await until(page.locator('.card'));
  await page.goto(`${server.url}/#/video/${id}?panel=said`);
  const rows = page.locator('p.said');
  await until(page.locator('p.said.written'));
  assert.deepEqual(await rows.locator('span').allInnerTexts(), ['EXIT 42', 'The zeppelin lands & 1 < 2.', 'we <i>meet</i> at the mill', 'no place']);
  assert.match(await page.locator('p.said.speech .note').innerText(), /speech 1, 50 %/);
  assert.match(await page.locator('.coverage').innerText(), /1 subtitle is in the file.*1 text of speech was recognized.*2 texts in the picture were recognized/s);
  await page.locator('p.said.speech .time').click();
  await page.waitForFunction(() => Math.abs(document.querySelector('video').currentTime - 6) < 0.01, undefined, { timeout: PATIENCE });
  // The picture shows where the text is that is in it now.
  const box = page.locator('.boxes i');
  await until(box);
  assert.equal(await box.count(), 1);
  assert.equal(await box.getAttribute('title'), 'EXIT 42');
  const { shape, at } = await page.evaluate(() => {
    const v = document.querySelector('.player video'), b = v.getBoundingClientRect(), i = document.querySelector('.boxes i').getBoundingClientRect();
    const w = Math.min(b.width, (b.height * v.videoWidth) / v.videoHeight), left = b.left + (b.width - w) / 2;
    return { shape: i.width / w, at: (i.left - left) / w };
  });
  assert.ok(Math.abs(shape - 0.5) < 0.02 && Math.abs(at - 0.1) < 0.02, `${shape} ${at}`);
  await page.screenshot({ path: shot('said-written') });
  // Lanes: a click leads to the beginning of the text.
  assert.deepEqual((await page.locator('.lane-names li').allInnerTexts()).slice(-4), ['Events', 'Said', 'Written', 'Seen']);
  const lane = await page.locator('.lane-names li', { hasText: 'Written' }).boundingBox(), strip = await page.locator('.lanes').boundingBox();
  await page.mouse.click(strip.x + (strip.width * 9) / duration, lane.y + lane.height / 2);
  await page.waitForFunction(() => Math.abs(document.querySelector('video').currentTime - 2) < 0.01, undefined, { timeout: PATIENCE });
  // Only what is chosen, and so are the files.
  const filter = page.locator('.filter');
  await filter.getByRole('button', { name: 'Written' }).click();
  assert.equal(await rows.count(), 2);
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: PATIENCE }), filter.locator('a', { hasText: 'SRT' }).click()]);
  assert.match(download.suggestedFilename(), /^second.*\.srt$/);
  const srt = readFileSync(await download.path(), 'utf8');
  assert.match(srt, /00:00:06,000 --> 00:00:08,000\nwe <i>meet<\/i> at the mill/);
  assert.doesNotMatch(srt, /EXIT/);
  await page.locator('#filter').fill('mill');
  await page.waitForFunction(() => document.querySelectorAll('p.said').length === 1, undefined, { timeout: PATIENCE });
  await page.locator('#search').fill('exit');
  await until(page.locator('.hits .note', { hasText: 'written, recognized' }));
  await page.getByLabel('Find').selectOption('said');
  await until(page.getByText('Nothing found for “exit”.'));
  await page.getByLabel('Find').selectOption('written');
  await page.locator('.hits a').first().click();
  await until(page.locator('p.said.written'));
  noFaults();
});

test('the clock of a recording is beside its events, and where it jumps is listed', async () => {
  const { id, journal } = (await server.get('jobs')).jobs.find((j) => j.name === 'second.mp4');
  const piece = (from, to, at) => ({ start_us: from * 1e6, end_us: to * 1e6, at_us: at * 1e6, speed: 1, residual_us: 0, readings: 9, utc_offset_s: null });
  const noon = Date.UTC(2026, 10, 30, 12) / 1000;
  server.setClock(journal, { version: 1, timezone: '', fault: '', reads: 9, clocks: [{
    source: 'picture', name: 'the clock <b>in</b> the picture', box: [0, 0, 100, 100], turn: 0, format: 'YYYY-MM-DD hh:mm:ss', dated: true,
    unit_us: 1e6, period_us: 0, fits: [{ order: 'ymd', pieces: [piece(0, 9.9, noon), piece(10, 20, noon + 47)] }],
    breaks: [{ before_us: 9.9e6, after_us: 10e6, clock_before_us: (noon + 9) * 1e6, clock_after_us: (noon + 47) * 1e6, jump_us: 37e6,
      verdict: 'recording interrupted', daylight: false, why: 'the picture jumps, too' }],
    samples: [] }] });
  const { events } = await server.get(`jobs/${id}/events`);
  assert.match(events[0].clock, /^2026-11-30 12:00:/);
  await page.goto(server.url);
  await until(page.locator('.card'));
  await page.goto(`${server.url}/#/video/${id}?panel=events`);
  await until(page.locator('.event .wall'));
  assert.deepEqual(await page.locator('.event .wall').allInnerTexts(), events.map((e) => e.clock));
  await page.screenshot({ path: shot('clock') });
  const strip = await page.locator('.lanes').boundingBox();
  await page.mouse.move(strip.x + strip.width * 0.6, strip.y + strip.height / 2);
  await until(page.locator('.tip', { hasText: '2026-11-30 12:00:' }));
  await page.mouse.move(0, 0);
  await page.getByRole('tab', { name: 'Summary' }).click();
  const jump = page.locator('.breaks li');
  await until(jump);
  assert.match(await jump.innerText(), /^0:10 the clock jumps by \+37 s here: recording interrupted \(the picture jumps, too\)$/);
  await until(page.getByText('2026-11-30 12:00:00, by the clock <b>in</b> the picture'));
  await jump.locator('.time').click();
  await page.waitForFunction(() => Math.abs(document.querySelector('video').currentTime - 10) < 0.01, undefined, { timeout: PATIENCE });
  noFaults();
});

test('videos are named, tagged, and put into a case with one report', async () => {
  const jobs = (await server.get('jobs')).jobs.filter((j) => j.state === 'done');
  const [one, two] = jobs;
  await page.goto(`${server.url}#/video/${one.id}`);
  const filing = page.locator('.filing');
  await filing.locator('summary').click();
  await filing.getByLabel('Name of the video').fill('Front <i>door</i>');
  await filing.getByRole('button', { name: 'Rename' }).click();
  await until(page.locator('.video-head h1', { hasText: 'Front <i>door</i>' }));
  await filing.getByLabel('Tag', { exact: true }).fill('night');
  await filing.getByRole('button', { name: 'Add tag' }).click();
  await until(filing.locator('.tag', { hasText: 'night' }));
  await filing.getByLabel('Name of a new case').fill('Burglary');
  await filing.getByRole('button', { name: 'New case' }).click();
  await filing.getByRole('link', { name: 'Burglary' }).click();
  await until(page.locator('main.case h1', { hasText: 'Burglary' }));
  await until(page.locator('main.case .card', { hasText: 'Front <i>door</i>' }));
  const events = await page.locator('.case-events li').count();
  await page.getByLabel('Video to put into the case').selectOption(two.video);
  await page.getByRole('button', { name: 'Put in' }).click();
  await page.waitForFunction((n) => document.querySelectorAll('.case-events li').length > n, events, { timeout: PATIENCE });
  await page.screenshot({ path: shot('case'), fullPage: true });
  // The model sums both up when it is asked to, and each sentence leads to what it is about.
  const summary = page.locator('.case-summary');
  await engine.control({ faults: ['500@1+'], reset: true });
  await summary.getByRole('button', { name: 'Write a summary' }).click();
  await until(page.locator('.case-summary[data-summary=failed] .fault', { hasText: '500' }));
  await engine.control({ faults: ['hold@1'], reset: true });
  await summary.getByRole('button', { name: 'Write the summary again' }).click();
  await until(page.locator('.case-summary[data-summary=running]'));
  await engine.control({ faults: [], release: true });
  await until(page.locator('.case-summary[data-summary=done] .prose a.time'));
  assert.equal(await summary.locator('details').count(), 0);
  await page.screenshot({ path: shot('case-summary'), fullPage: true });
  // The report has both; in the page an event leads into its video.
  const report = await openPage(browser, server);
  await report.goto(new URL(await page.locator('main.case').getByRole('link', { name: /^Report/ }).first().getAttribute('href'), server.url).href);
  await until(report.locator('h1', { hasText: 'Burglary' }));
  await until(report.getByText('Front <i>door</i>'));
  await report.context().close();
  await page.locator('.case-events a').first().click();
  await until(page.locator('.video-head h1'));
  // The board shows what has the tag; a case that is deleted leaves its videos.
  await page.locator('.brand').click();
  await page.locator('.tags').getByRole('button', { name: 'night' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.card').length === 1, undefined, { timeout: PATIENCE });
  const videos = (await server.get('videos')).videos.length;
  await page.goto(`${server.url}#/cases`);
  await page.locator('.case-list a', { hasText: 'Burglary' }).click();
  page.once('dialog', (d) => void d.accept());
  await page.getByRole('button', { name: 'Delete the case' }).click();
  await until(page.getByText('There is no case yet.'));
  assert.equal((await server.get('videos')).videos.length, videos);
  await page.request.patch(`${server.url}/api/v1/videos/${one.video}`, { data: { name: one.name, tags: [] } });
  noFaults();
});

test('a question is answered, and its citations lead to their moments', async () => {
  await page.goto(`${server.url}/#/`);
  const box = page.locator('.asks'), ask = (text) => box.locator('.ask', { has: page.locator('h3', { hasText: text }) });
  await until(box);
  await engine.control({ faults: ['hold@2+'], reset: true });
  await box.getByLabel('A question about all videos').fill('When does <i>it</i> move?');
  await box.getByLabel('A question about all videos').press('Enter');
  const one = ask('When does <i>it</i> move?');
  await until(one.locator('[role=status]'));
  await page.waitForFunction(() => document.querySelector('.ask')?.dataset.state === 'running', undefined, { timeout: PATIENCE });
  await box.getByLabel('A question about all videos').fill('Is there another one?');
  await box.getByLabel('A question about all videos').press('Enter');
  const two = ask('Is there another one?');
  await until(two.getByText('Waits for its turn'));
  await two.getByRole('button', { name: 'Cancel' }).click();
  await until(two.getByText('Canceled.'));
  await engine.control({ faults: [], release: true });
  await until(one.locator('.cites li'));
  assert.equal(await one.getAttribute('data-state'), 'done');
  assert.match(await one.locator('.cites').innerText(), /first <b>video\.mp4 0:/);
  assert.match(await one.innerText(), /Examined for this question: .* of .* videos/);
  assert.match(await one.innerText(), /a frame every [\d.]+ (s|min), longest gap .* at [\d:]+ of .*; what happened between two frames is not known/);
  await page.waitForFunction(() => [...document.querySelectorAll('.ask img')].some((i) => i.naturalWidth), undefined, { timeout: PATIENCE });
  await page.screenshot({ path: shot('ask'), fullPage: true });
  // A question that follows; what was asked is there after a reload, also of the server.
  await one.getByLabel('Follow-up question').fill('And then?');
  await one.getByLabel('Follow-up question').press('Enter');
  await until(ask('And then?').locator('.cites li'));
  await until(ask('And then?').getByText('follows: When does <i>it</i> move?'));
  await page.reload();
  await until(one.locator('a.cite'));
  const answer = await openPage(browser, server);
  await answer.goto(new URL(await one.getByRole('link', { name: 'Page' }).getAttribute('href'), server.url).href);
  await until(answer.getByText('When does <i>it</i> move?'));
  await answer.context().close();
  page.once('dialog', (d) => void d.accept());
  await two.getByRole('button', { name: 'Delete' }).click();
  await two.waitFor({ state: 'detached', timeout: PATIENCE });
  await one.locator('a.cite').first().click();
  await until(page.locator('.video-head h1'));
  assert.match(page.url(), /#\/video\/\d+\?t=/);
  noFaults();
});

test('a chunk that is finished while its view is open shows text and pictures', async () => {
  const { id } = (await server.get('jobs')).jobs.find((j) => j.name === 'second.mp4');
  const { chunks } = await server.get(`jobs/${id}/chunks`), { events } = await server.get(`jobs/${id}/events`);
  const other = await openPage(browser, server);
  await other.route(`**/jobs/${id}/chunks`, (route) => route.fulfill({
    json: { seq: 0, chunks: chunks.map(({ index, start, end }) => ({ index, start, end, state: 'todo' })) } }));
  await other.route(`**/jobs/${id}/events`, (route) => route.fulfill({ json: { seq: 0, events: [] } }));
  let send;
  await other.routeWebSocket(/events/, (socket) => {
    const real = socket.connectToServer();
    real.onMessage((message) => socket.send(message));
    send = (type, data) => socket.send(JSON.stringify({ type, job: id, data }));
  });
  await other.goto(`${server.url}/#/video/${id}?panel=chunks`);
  await until(other.locator('.chunk.todo'));
  await until(other.locator('[data-link=live]'));
  const { index, start, end, ...results } = chunks[1];
  send('results', { chunk: index, ...results, events: events.filter((e) => e.chunk === index) });
  const done = other.locator('.chunk.done');
  await until(done);
  assert.equal(await done.locator('.what').innerText(), results.summary);
  assert.equal(await done.locator('.thumbs img').count(), results.samples.length);
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test('it works by keyboard', async () => {
  await page.goto(server.url);
  await until(page.locator('.card'));
  await page.locator('body').press('?');
  await until(page.locator('dialog.help[open]'));
  await page.screenshot({ path: shot('help') });
  await page.keyboard.press('Escape');
  await page.locator('dialog.help').waitFor({ state: 'detached', timeout: PATIENCE });
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'search');
  await page.keyboard.press('Escape');
  await page.keyboard.press('m');
  await until(page.locator('.machine'));
  await page.keyboard.press('b');
  await until(page.locator('.board'));
  noFaults();
});

test('a name that nobody has is told', async () => {
  await page.goto(`${server.url}/#/video/999999`);
  await until(page.getByText('No such video'));
  noFaults();
});

test('dark, and on a phone', async () => {
  const { id } = (await server.get('jobs')).jobs.find((j) => j.state === 'done');
  await page.close();
  for (const [name, options] of Object.entries({
    dark: { colorScheme: 'dark' },
    phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  })) {
    const other = await openPage(browser, server, options);
    for (const [view, hash] of [['board', '#/'], ['video', `#/video/${id}`], ['machine', '#/machine']]) {
      await other.goto(`${server.url}/${hash}`);
      await until(other.locator(`main.${view}`));
      if (view === 'video') await until(other.locator('.event'));
      const wide = await other.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${view}, ${name}: ${wide} pixels stick out`);
      await other.screenshot({ path: shot(`${view}-${name}`) });
    }
    if (name === 'dark') {
      const paper = await other.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(paper, 'rgb(20, 23, 27)');
    }
    assert.deepEqual(other.faults, []);
    await other.context().close();
  }
});

test('the view of the machine does not wait for the socket', async () => {
  const other = await openPage(browser, server);
  await other.addInitScript(() => { window.WebSocket = class { close() {} }; });
  await other.goto(`${server.url}/#/machine`);
  await until(other.locator('.chart'));
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test('a fleet is shown where there is one, and its workers are ended and forgotten', async () => {
  const worker = (name, state, more) => ({
    name, state, age: 2, slots: 5, in_progress: 3, done: 40, failed: 0, silent: 0, compared: 0, differed: 0, rate: 12.34, waits_for: 'engine', version: '1', model: 'qwen',
    hwaccel: 'none', figures: { cache_hits: 3, cache_misses: 1 }, ...more,
  });
  const fleet = {
    head: '0123456789abcdef', version: '1', connected: true, units: { waiting: 7, begun: 6 }, rate: 24.7,
    counts: { done: 80, redelivered: 2, failed: 1, holes: 0 },
    bottleneck: { what: 'engines', text: 'Slots waited 92 % of their time for engines.', action: 'add workers' },
    workers: [worker('gpu1', 'working'), worker('gpu2', 'silent', { age: 300, version: '2', silent: 1, rate: null, waits_for: null })],
  };
  const open = async (options) => {
    const other = await openPage(browser, server, options);
    await other.route('**/api/v1/fleet', (route) => route.fulfill({ json: fleet }));
    await other.goto(`${server.url}/#/machine`);
    return other;
  };
  const other = await open(), sent = [], row = (name) => other.locator(`[data-worker=${name}]`);
  await other.route('**/api/v1/fleet/workers/**', (route) => {
    sent.push(`${route.request().method()} ${new URL(route.request().url()).pathname}`);
    const name = sent.at(-1).split('/')[5], of = fleet.workers.find((w) => w.name === name);
    if (route.request().method() === 'DELETE') fleet.workers.splice(fleet.workers.indexOf(of), 1);
    else of.state = 'draining';
    return route.fulfill({ status: 204 });
  });
  await until(row('gpu1'));
  assert.match(await row('gpu1').innerText(), /gpu1\s+working\s+3 of 5\s+12\.3\s+for its engine\s+40\s+75 %\s+1 qwen/);
  assert.match(await row('gpu2').innerText(), /silent for 5 min\s+3 of 5\s+–\s+–\s+40, 1 failed/);
  assert.match(await other.locator('.fleet').innerText(), /7 units wait.*\n?.*Limited by: engines\. Slots waited 92 % .*add workers/s);
  const answers = [false, true, true], asked = [];
  other.on('dialog', (dialog) => {
    asked.push(dialog.message());
    return answers.shift() ? dialog.accept() : dialog.dismiss();
  });
  await row('gpu1').getByRole('button', { name: 'End it after its units: gpu1' }).press('Enter');
  assert.deepEqual(sent, [], 'it was not confirmed');
  await row('gpu1').getByRole('button', { name: /^End it/ }).press('Enter');
  await until(row('gpu1').getByText('draining'));
  await row('gpu2').getByRole('button', { name: 'Take it out of the list: gpu2' }).click();
  await row('gpu2').waitFor({ state: 'detached', timeout: PATIENCE });
  assert.deepEqual(sent, ['POST /api/v1/fleet/workers/gpu1/drain', 'DELETE /api/v1/fleet/workers/gpu2']);
  assert.match(asked.at(-1), /gpu2/);
  await other.screenshot({ path: shot('fleet') });
  assert.deepEqual(other.faults, []);
  await other.context().close();

  const phone = await open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await until(phone.locator('[data-worker=gpu1]'));
  const wide = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} pixels stick out`);
  await phone.screenshot({ path: shot('fleet-phone') });
  fleet.head = null;
  await phone.reload();
  await until(phone.locator('.chart'));
  assert.equal(await phone.locator('.fleet').count(), 0);
  assert.deepEqual(phone.faults, []);
  await phone.context().close();
});

test('a day with 5,000 events: only what is seen is drawn, and all can be reached', async () => {
  const { id } = (await server.get('jobs')).jobs.find((j) => j.state === 'done');
  const other = await openPage(browser, server);
  const day = 86400, n = 5000;
  const events = Array.from({ length: n }, (_, i) => ({
    start: (i * day) / n, end: (i * day) / n + 5, what: `event number ${i + 1}${i % 7 ? '' : ', which takes more words to tell than the others do'}`,
    chunk: Math.floor(i / 100), frames: [{ pts: (i * day) / n, sample: 0 }],
  }));
  const chunks = Array.from({ length: 50 }, (_, i) => ({ index: i, start: (i * day) / 50, end: ((i + 1) * day) / 50, state: 'done', summary: 'quiet', samples: [] }));
  const reply = (body) => (route) => route.fulfill({ json: body });
  await other.route(`**/jobs/${id}/events`, reply({ seq: 0, events, states: [] }));
  await other.route(`**/jobs/${id}/chunks`, reply({ seq: 0, chunks }));
  await other.route('**/index', reply({ duration: day, activity: Array.from({ length: 4000 }, (_, i) => (i % 100) / 100), cuts: [] }));
  await other.route('**/frames?*', (route) => route.abort());
  await other.goto(`${server.url}/#/video/${id}`);
  await until(other.locator('.event'));
  const drawn = () => other.locator('.event').count();
  assert.ok(await drawn() < 60);
  const list = other.locator('.long');
  await list.evaluate((e) => { e.scrollTop = e.scrollHeight; });
  await until(other.getByText('event number 5000'));
  assert.ok(await drawn() < 60);
  await other.locator('#filter').fill('number 2500');
  await until(other.getByText('event number 2500'));
  const inked = await other.locator('.lanes canvas').evaluate((c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0));
  assert.ok(inked, 'the timeline is drawn');
  await other.screenshot({ path: shot('video-day') });
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test('where the server wants to know who is there, the page asks', async () => {
  const place = folder('login');
  const locked = new Server(place, engine);
  const token = /vdet_\S+|[A-Za-z0-9_-]{24,}/.exec(locked.vdet('token', 'add', 'anna', '--role', 'view'))[0];
  await locked.start();
  const other = await openPage(browser, locked);
  await other.goto(locked.url);
  await until(other.locator('.login'));
  await other.locator('#password').fill('not the one');
  await other.getByRole('button', { name: 'Log in' }).click();
  await until(other.locator('.login [role=alert]'));
  await other.screenshot({ path: shot('login') });
  await other.locator('#password').fill(token);
  // Not even before the server has said who the user is.
  let answer;
  const held = new Promise((resolve) => { answer = resolve; });
  await other.route('**/api/v1/me', async (route) => {
    await held;
    await route.continue();
  });
  await other.getByRole('button', { name: 'Log in' }).click();
  await until(other.locator('.board'));
  assert.equal(await other.getByRole('button', { name: 'Choose files' }).count(), 0, 'nothing is offered before the role is known');
  answer();
  await until(other.locator('[data-link=live]'));
  assert.equal(await other.getByRole('button', { name: 'Choose files' }).count(), 0, 'who may only look is offered nothing else');
  await other.reload();
  await until(other.locator('.board'));
  assert.deepEqual(other.faults, []);
});
