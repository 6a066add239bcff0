// SPDX-License-Identifier: Apache-2.0
// The official clients of the Model Context Protocol, of both eras, against `vdet mcp` and against /mcp of the real
// server; and those parts of the official conformance tests that need no tools made for them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { atEnd, folder, library, makeVideo, needFfmpeg, PATIENCE, Server, startEngine, VDET, WEB } from './web.mjs';

const modern = library('@modelcontextprotocol/client');
const { StdioClientTransport: ModernPipes } = library('@modelcontextprotocol/client/stdio');
const { Client: OldClient } = library('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport: OldPipes } = library('@modelcontextprotocol/sdk/client/stdio.js');
const { StreamableHTTPClientTransport: OldHttp } = library('@modelcontextprotocol/sdk/client/streamableHttp.js');
needFfmpeg();

const home = folder('mcp');
const engine = await startEngine();
makeVideo(join(home, 'yard.mp4'), 10);
const server = await new Server(home, engine, ['--folder', home]).start();
const address = new URL(`${server.url}/mcp`);
const pipes = { command: VDET, args: ['mcp', '--engine', engine.url], env: server.env, cwd: home, stderr: 'ignore' };
const info = { name: 'test', version: '1' };
const revision = '2026-07-28';

const clients = [
  ['sdk, pipes', () => new OldClient(info), () => new OldPipes(pipes)],
  ['sdk, HTTP', () => new OldClient(info), () => new OldHttp(address)],
  ...[['pinned', { pin: revision }], ['auto', 'auto'], ['legacy', 'legacy']].flatMap(([name, mode]) => [
    [`client ${name}, pipes`, () => new modern.Client(info, { versionNegotiation: { mode } }), () => new ModernPipes(pipes)],
    [`client ${name}, HTTP`, () => new modern.Client(info, { versionNegotiation: { mode } }),
      () => new modern.StreamableHTTPClientTransport(address)],
  ]),
];

async function connect([, make, transport]) {
  const client = make();
  await client.connect(transport());
  atEnd(() => client.close());
  return client;
}

const wait = { timeout: PATIENCE };

/** Calls a tool as each kind of client does; its structured result, which the client has compared with its schema. */
async function call(client, name, args, options = {}) {
  const old = client instanceof OldClient;
  const request = { name, arguments: args };
  const result = await (old ? client.callTool(request, undefined, { ...wait, ...options }) : client.callTool(request, { ...wait, ...options }));
  assert.ok(!result.isError, JSON.stringify(result.content));
  return result;
}

let video;
test('a video is added', async () => {
  const client = await connect(clients[1]);
  let result;
  do {
    result = (await call(client, 'add_video', { path: join(home, 'yard.mp4'), wait: 45 })).structuredContent;
  } while (['queued', 'running'].includes(result.state));
  assert.equal(result.state, 'done');
  video = result.video;
});

for (const kind of clients)
  test(kind[0], async () => {
    const client = await connect(kind);
    assert.equal(client.getServerVersion()?.name ?? 'vdet', 'vdet');
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name).slice(0, 4), ['list_videos', 'search', 'get_timeline', 'get_frames']);
    const { structuredContent: list } = await call(client, 'list_videos', {});
    assert.deepEqual(list.videos.map((v) => [v.video, v.name]), [[video, 'yard.mp4']]);
    const { structuredContent: timeline } = await call(client, 'get_timeline', { video });
    assert.ok(timeline.events.length > 0);
    assert.ok((await call(client, 'search', { words: timeline.events[0].text })).structuredContent.hits.length > 0);
    const seen = [];
    const frames = await call(client, 'get_frames', { video, count: 14 }, { onprogress: (p) => seen.push(p.progress) });
    assert.deepEqual(frames.content.map((c) => c.type), ['text', ...Array(12).fill('image'), ...Array(2).fill('resource_link')]);
    assert.deepEqual(seen, Array.from({ length: 14 }, (_, i) => i + 1));
    const link = frames.content.at(-1).uri;
    const { contents: [frame] } = await client.readResource({ uri: link });
    assert.equal(Buffer.from(frame.blob, 'base64').subarray(0, 2).toString('hex'), 'ffd8');
    const { resources } = await client.listResources();
    const { contents: [report] } = await client.readResource({ uri: resources[0].uri });
    assert.equal(JSON.parse(report.text).source.name, 'yard.mp4');
    assert.ok((await client.listResourceTemplates()).resourceTemplates.length >= 2);
    const { prompts } = await client.listPrompts();
    assert.deepEqual(prompts.map((p) => p.name), ['investigate', 'compare', 'find_all']);
    const { messages } = await client.getPrompt({ name: 'find_all', arguments: { what: 'a red van' } });
    assert.match(messages[0].content.text, /a red van/);
    const answer = (await call(client, 'ask', { question: 'Is there a van?' })).structuredContent;
    assert.equal((await call(client, 'get_answer', { answer: answer.answer })).structuredContent.text, answer.text);
    await assert.rejects(client.readResource({ uri: 'vdet://video/0/report.json' }));
    await assert.rejects(call(client, 'get_timeline', { video: '0' }), /there is no video/);
    await assert.rejects(client.getPrompt({ name: 'nothing' }));
    await client.close();
  });

const program = join(WEB, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js');
const [major] = process.versions.node.split('.').map(Number);
const why = major < 22 ? 'the conformance tests need Node.js 22' : !existsSync(program) && '@modelcontextprotocol/conformance is not in web/node_modules';
for (const scenario of ['server-initialize', 'ping', 'tools-list', 'resources-list', 'prompts-list', 'dns-rebinding-protection'])
  test(`conformance: ${scenario}`, { skip: why }, () => {
    const out = join(home, scenario);
    mkdirSync(out);
    execFileSync(process.execPath, [program, 'server', '--url', String(address), '--scenario', scenario, '--output-dir', out], { cwd: home });
  });
