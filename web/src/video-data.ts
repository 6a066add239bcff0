// SPDX-License-Identifier: Apache-2.0
// The data of a video view: loaded once, then updated by events.
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, Problem } from './api';
import { listen, type LiveEvent } from './live';
import { jobs, putJob } from './state';
import type { Chunk, Job, Transcript, VideoEvent, VideoIndex } from './types';

export interface VideoData {
  job?: Job;
  chunks: Chunk[];
  events: VideoEvent[];
  /** What only stays as it is. */
  states: VideoEvent[];
  /** What a second look at the frames contradicts. */
  withdrawn: VideoEvent[];
  index?: VideoIndex;
  report?: any;
  transcript?: Transcript;
  error?: string;
}

export const byStart = (a: VideoEvent, b: VideoEvent) => a.start - b.start || a.end - b.end;

function apply(c: VideoData, event: LiveEvent): VideoData {
  if (event.type === 'chunk') {
    const chunks = c.chunks.slice(), i = event.data.index;
    const at = chunks[i]?.index === i ? i : chunks.findIndex((k) => k.index === i);
    if (at < 0) chunks.push(event.data);
    else chunks[at] = { ...chunks[at]!, ...event.data };
    return { ...c, chunks: at < 0 ? chunks.sort((a, b) => a.index - b.index) : chunks };
  }
  if (event.type === 'results') {
    const { chunk, events, ...results } = event.data;
    const others = c.events.filter((e) => e.chunk !== chunk);
    const chunks = c.chunks.map((k) => (k.index === chunk ? { ...k, ...results } : k));
    return { ...c, chunks, events: [...others, ...events].sort(byStart) };
  }
  return c;
}

const isOver = (job: Job | undefined) => !!job && ['done', 'holes', 'failed', 'canceled'].includes(job.state);

const NOTHING: VideoData = { chunks: [], events: [], states: [], withdrawn: [] };

export function useVideo(id: string): VideoData {
  const [data, setData] = useState<VideoData>(NOTHING);
  const job = jobs.value.get(id);
  const over = isOver(job);
  const generation = useRef(0);

  const load = async () => {
    const mine = ++generation.current;
    const missed: LiveEvent[] = [];
    const stop = listen((e) => {
      if (e.type !== 'reload' && e.job === id) missed.push(e);
    });
    try {
      const known = jobs.peek().get(id) ?? (await api.job(id));
      if (!jobs.peek().has(id)) putJob(known);
      const [chunks, events] = await Promise.all([api.chunks(id), api.events(id)]);
      if (mine !== generation.current) return;
      const loaded = { error: undefined, chunks: chunks.chunks, events: events.events, states: events.states, withdrawn: events.withdrawn ?? [] };
      setData((old) => missed.reduce(apply, { ...old, ...loaded }));
    } catch (error) {
      // No connection: after the reconnect this is loaded again.
      if (mine === generation.current && !(error instanceof Problem && !error.status))
        setData((old) => ({ ...old, error: error instanceof Error ? error.message : String(error) }));
    } finally {
      stop();
    }
  };

  useEffect(() => {
    setData(NOTHING);
    void load();
    return listen((e) => {
      if (e.type === 'reload') void load();
      else if (e.job === id) setData((old) => apply(old, e));
    });
  }, [id]);

  // The index exists once the whole video was surveyed; the summary once the job is over.
  const surveyed = !!job && (job.done + job.holes > 0 || over);
  const video = job?.video, stream = Number(job?.options?.['media.stream'] ?? -1);
  useEffect(() => {
    if (!surveyed || !video) return;
    api.index(video, stream).then((index) => setData((old) => ({ ...old, index })), () => {});
  }, [id, surveyed, over, video, stream]);
  const state = job?.state, finished = job?.finished;
  useEffect(() => {
    if (!over) return;
    void load();
    api.report(id).then((report) => setData((old) => ({ ...old, report })), () => {});
    api.transcript(id).then((transcript) => setData((old) => ({ ...old, transcript })), () => {});
  }, [id, state, finished, over]);
  const planned = (job?.chunks ?? 0) > 0;
  useEffect(() => {
    if (planned && !over) void load();
  }, [id, planned]);

  return { ...data, job };
}
