// SPDX-License-Identifier: Apache-2.0
// The official clients of OpenAI's API, and of Vercel's AI SDK, against the real server: models, whole and streamed
// completions with their annotations, a video as data, errors.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { folder, library, makeVideo, needFfmpeg, Server, startEngine } from './web.mjs';

const { OpenAI } = library('openai');
const { createOpenAICompatible } = library('@ai-sdk/openai-compatible');
const { generateText, streamText } = library('ai');
needFfmpeg();

const home = folder('chat');
const file = makeVideo(join(home, 'yard.mp4'), 6);
const server = await new Server(home, await startEngine(), ['--folder', home]).start();
const client = new OpenAI({ apiKey: 'sk-not-needed', baseURL: `${server.url}/v1`, maxRetries: 0 });
const question = 'When do the pictures change?';
const data = `data:video/mp4;base64,${readFileSync(file).toString('base64')}`;
const messages = [{ role: 'user', content: [{ type: 'text', text: question }, { type: 'video_url', video_url: { url: data } }] }];
const name = 'vdet/video-1';

/** Each [n] that an annotation names, and where it leads. */
function marks({ content, annotations }) {
  return annotations.map(({ type, url_citation: c }) => {
    assert.equal(type, 'url_citation');
    assert.match(c.url, /^http:\/\/127\.0\.0\.1:\d+\/#\/video\/\d+\?t=[\d.]+$/);
    return [...content].slice(c.start_index, c.end_index).join('');
  });
}

test('openai: a whole completion of a video as data', async () => {
  const reply = await client.chat.completions.create({ model: 'vdet', messages });
  assert.equal(reply.choices[0].finish_reason, 'stop');
  assert.equal(reply.vdet.format, 'vdet-answer/1');
  assert.ok(marks(reply.choices[0].message).every((mark) => /^\[\d+\]$/.test(mark)));
  assert.ok(reply.choices[0].message.annotations.length > 0);
  assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
});

test('openai: models', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.equal(ids[0], 'vdet');
  assert.equal(ids.length, 2);
  assert.equal((await client.models.retrieve(ids[0])).id, ids[0]);
});

test('openai: a stream', async () => {
  const stream = client.chat.completions.stream({ model: name, messages: [{ role: 'user', content: question }], stream_options: { include_usage: true } });
  let thought = '';
  stream.on('chunk', (chunk) => { thought += chunk.choices[0]?.delta.reasoning_content ?? ''; });
  const whole = await stream.finalChatCompletion();
  assert.ok(whole.choices[0].message.content.length > 0);
  assert.ok(thought.length > 0);
  assert.ok(whole.usage.prompt_tokens >= 0);
});

test('openai: errors', async () => {
  const ask = (model) => client.chat.completions.create({ model, messages: [{ role: 'user', content: question }] });
  await assert.rejects(ask('gpt-9'), (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
  await assert.rejects(ask('vdet/none.mp4'), OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({ model: 'vdet', messages: [] }), OpenAI.BadRequestError);
});

test('@ai-sdk/openai-compatible: text, stream and what it is told meanwhile', async () => {
  const model = createOpenAICompatible({ name: 'vdet', baseURL: `${server.url}/v1`, apiKey: 'x', includeUsage: true })(name);
  const whole = await generateText({ model, prompt: question });
  assert.equal(whole.finishReason, 'stop');
  const streamed = streamText({ model, prompt: question });
  let text = '', thought = '';
  for await (const part of streamed.fullStream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'reasoning-delta') thought += part.text;
  }
  assert.equal(text, whole.text);
  assert.ok(thought.length > 0);
  assert.equal((await streamed.usage).inputTokens, whole.usage.inputTokens);
});
