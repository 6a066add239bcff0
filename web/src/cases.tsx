// SPDX-License-Identifier: Apache-2.0
// Cases: videos that are reported together. And what a person says of one video: its name, its tags, its cases.
import { useEffect, useState } from 'preact/hooks';
import { api, caseReportUrl } from './api';
import { Asks } from './asks';
import { Card } from './card';
import { ExportMenu } from './controls';
import { moment, plural } from './format';
import { caseHref, go, videoHref } from './router';
import { attempt, cases, jobs, loaded, may, putVideo, say, videos } from './state';
import type { Case, CaseChange, CaseReport, Job, Video } from './types';

const EVENTS = 200, CITES = 8;

/** The job that the report of a case shows: the latest that ended, else the latest. */
function jobOf(video: string): Job | undefined {
  const own = [...jobs.value.values()].filter((j) => j.video === video).sort((a, b) => Number(b.id) - Number(a.id));
  return own.find((j) => j.state === 'done' || j.state === 'holes') ?? own[0];
}

async function change(of: Case, body: CaseChange): Promise<boolean> {
  return (await attempt(api.changeCase(of.id, body))) !== undefined;
}

/** A text and a button that sends it. */
function TextForm({ label, button, value, send }: { label: string; button: string; value: string; send: (text: string) => Promise<unknown> }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <form class="row" onSubmit={(e) => {
      e.preventDefault();
      void send(text);
    }}>
      <input value={text} maxLength={200} aria-label={label} placeholder={label} autocomplete="off" onInput={(e) => setText(e.currentTarget.value)} />
      <button type="submit" class="act" disabled={!text.trim() || text.trim() === value}>{button}</button>
    </form>
  );
}

/** One of several, and a button that puts it in. */
function PutForm({ label, none, choices, put }: { label: string; none: string; choices: { id: string; name: string }[]; put: (id: string) => Promise<boolean> }) {
  const [id, setId] = useState('');
  if (!choices.length) return null;
  return (
    <form class="row" onSubmit={(e) => {
      e.preventDefault();
      void put(id).then((done) => done && setId(''));
    }}>
      <select value={id} aria-label={label} onChange={(e) => setId(e.currentTarget.value)}>
        <option value="">{none}</option>
        {choices.map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}
      </select>
      <button type="submit" class="act" disabled={!id}>Put in</button>
    </form>
  );
}

function NewCase({ done, videos: ids = [] }: { done: (made: Case) => void; videos?: string[] }) {
  const [round, setRound] = useState(0); // each has an empty field
  return <TextForm key={round} label="Name of a new case" button="New case" value="" send={async (name) => {
    const made = await attempt(api.newCase({ name, videos: ids }));
    if (!made) return;
    setRound(round + 1);
    done(made);
  }} />;
}

export function Cases() {
  return (
    <main class="board" id="main">
      <h1>Cases</h1>
      <p class="note">Videos that belong together, with one report about all of them.</p>
      {may.value.submit && <NewCase done={(made) => go(caseHref(made.id))} />}
      {loaded.value && !cases.value.length && <p class="note">There is no case yet.</p>}
      <ul class="case-list">
        {cases.value.map((c) => <li key={c.id}><a href={caseHref(c.id)} dir="auto">{c.name}</a> <span class="note">{plural(c.videos.length, 'video')}</span></li>)}
      </ul>
    </main>
  );
}

const jobsByRun = () => new Map([...jobs.value.values()].map((j) => [j.journal, j.id]));

/** The time of an event of the case, which leads to its frame. */
function Moment({ report, event, jobByRun }: { report: CaseReport; event: CaseReport['events'][number]; jobByRun: Map<Job['journal'], string> }) {
  const job = jobByRun.get(report.videos[event.video]!.job ?? '');
  return job ? <a class="time" href={videoHref(job, event.pts)}>{moment(event.time)}</a> : <span class="time">{moment(event.time)}</span>;
}

const SUMMARY_NOTES = {
  none: 'The model writes a summary of the videos when you ask for it.',
  running: 'The model is writing the summary …',
  failed: '',
  done: '',
  outdated: 'The case was changed after the summary was written.',
};

/** The summary of the case by the model, and what can be done about it. */
function Summary({ of, report }: { of: Case; report: CaseReport }) {
  const { state, error } = of.summary, byModel = report.summary.by === 'model', jobByRun = jobsByRun();
  return (
    <section class="case-summary" data-summary={state}>
      <h2>Summary</h2>
      {SUMMARY_NOTES[state] && <p class="note">{SUMMARY_NOTES[state]}</p>}
      {state === 'failed' && <p class="fault" dir="auto">The model wrote no summary: {error}</p>}
      {state === 'done' && !byModel && <p class="note" dir="auto">It is not shown: {report.summary.fallback_reason}.</p>}
      {byModel
        ? <p class="prose" dir="auto">{report.summary.sentences.map((s, i) => (
          <span key={i}>{s.text} {s.events.slice(0, CITES).map((e) => <Moment key={e} report={report} event={report.events[e]!} jobByRun={jobByRun} />)}
            {s.events.length > CITES && <span class="note">and {s.events.length - CITES} more</span>} </span>
        ))}</p>
        : <details><summary>The summary of each video</summary><p class="prose timeline-text" dir="auto">{report.summary.text}</p></details>}
      {may.value.submit && <div class="foot">{state === 'running'
        ? <button type="button" class="act" onClick={() => void attempt(api.cancelSummary(of.id))}>Cancel the summary</button>
        : <button type="button" class="act" onClick={() => void attempt(api.summarize(of.id))}>{of.summary.written || state === 'failed' ? 'Write the summary again' : 'Write a summary'}</button>}</div>}
    </section>
  );
}

/** Everything of the videos in order of time. */
function Events({ report }: { report: CaseReport }) {
  const [most, setMost] = useState(EVENTS);
  const jobByRun = jobsByRun();
  if (!report.events.length) return <p class="note">The model named no event.</p>;
  return (
    <>
      <ol class="case-events">
        {report.events.slice(0, most).map((e, i) => {
          const video = report.videos[e.video]!;
          return (
            <li key={i}>
              <Moment report={report} event={e} jobByRun={jobByRun} />
              <span class="note" dir="auto">{video.name}</span>
              <span dir="auto">{e.what}</span>
              {e.verdict === 'unsure' && <small class="verdict">unsure</small>}
            </li>
          );
        })}
      </ol>
      {most < report.events.length && <button type="button" class="act" onClick={() => setMost(most + EVENTS)}>{report.events.length - most} more</button>}
    </>
  );
}

function Member({ of, id }: { of: Case; id: string }) {
  const video = videos.value.get(id), job = jobOf(id), name = video?.name ?? id;
  const out = { label: 'Take out', title: `Take ${name} out of the case`, run: () => void change(of, { remove: [id] }) };
  if (job) return <Card job={job} video={video} extra={out} />;
  return (
    <li class="card plain">
      <div class="body">
        <h3 dir="auto">{name}</h3>
        <p class="fault" dir="auto">{video?.error ?? 'not analyzed'}</p>
        {may.value.submit && <div class="foot"><button type="button" class="act" aria-label={out.title} onClick={out.run}>{out.label}</button></div>}
      </div>
    </li>
  );
}

function AddVideo({ of }: { of: Case }) {
  const others = [...videos.value.values()].filter((v) => !of.videos.includes(v.id)).sort((a, b) => a.name.localeCompare(b.name));
  return <PutForm label="Video to put into the case" none="a video …" choices={others} put={(id) => change(of, { add: [id] })} />;
}

export function CaseView({ id }: { id: string }) {
  const of = cases.value.find((c) => c.id === id);
  const [report, setReport] = useState<CaseReport>();
  // It is made again when a video comes or goes, a job of one ends, or a summary is written.
  const state = of?.videos.length && `${of.summary.state} ${of.summary.written} ${of.videos.map((v) => `${v} ${jobOf(v)?.id} ${jobOf(v)?.state}`).join()}`;
  useEffect(() => {
    if (state) void attempt(api.caseReport(id)).then(setReport);
    else setReport(undefined);
  }, [id, state]);
  if (!of) return <main class="lone" id="main"><h1>{loaded.value ? 'No such case' : ''}</h1><p><a href="#/cases">To the cases</a></p></main>;
  const remove = async () => {
    if (!confirm(`Delete the case “${of.name}”? Its videos and their results stay.`)) return;
    if (await attempt(api.removeCase(id).then(() => true))) go('#/cases');
  };
  return (
    <main class="board case" id="main" data-case={id}>
      <h1 dir="auto">{of.name}</h1>
      {report && !report.complete && <p class="fault" dir="auto">This case is not complete: not every video was analyzed to its end.</p>}
      <div class="foot">
        {may.value.submit && <div class="controls"><TextForm label="Name of the case" button="Rename" value={of.name} send={(name) => change(of, { name })} />
          <AddVideo of={of} /><button type="button" class="act danger" onClick={remove}>Delete the case</button></div>}
        {of.videos.length > 0 && <ExportMenu name={of.name} url={(format, download) => caseReportUrl(id, format, download)} formats={['html', 'json', 'md', 'csv']} />}
      </div>
      {!of.videos.length && <p class="fault">This case has no videos yet.</p>}
      {report && <Summary of={of} report={report} />}
      {report && <Asks of={id} />}
      <section>
        <h2>Videos <span class="n">{of.videos.length}</span></h2>
        <ul class="cards">{of.videos.map((v) => <Member key={v} of={of} id={v} />)}</ul>
      </section>
      {report && <section>
        <h2>Events <span class="n">{report.events.length}</span></h2>
        <p class="note">Their times of day are counted from the times of the files, which of an upload is when it came. Clocks in the pictures were not read.</p>
        <Events report={report} />
      </section>}
    </main>
  );
}

/** Name, tags and cases of a video. */
export function Filing({ video }: { video: Video }) {
  if (!may.value.submit) return null;
  const set = async (body: { name?: string; tags?: string[] }) => {
    const changed = await attempt(api.changeVideo(video.id, body));
    if (changed) putVideo(changed);
  };
  const tags = video.tags ?? [];
  const own = cases.value.filter((c) => c.videos.includes(video.id)), rest = cases.value.filter((c) => !c.videos.includes(video.id));
  return (
    <details class="filing">
      <summary>Name, tags, cases</summary>
      <TextForm label="Name of the video" button="Rename" value={video.name} send={(name) => set({ name })} />
      <p>{tags.map((t) => <span class="tag" key={t} dir="auto">{t} <button type="button" aria-label={`Remove the tag ${t}`} onClick={() => void set({ tags: tags.filter((x) => x !== t) })}>×</button></span>)}</p>
      <TextForm key={tags.length} label="Tag" button="Add tag" value="" send={(tag) => set({ tags: [...tags, tag] })} />
      <p>{own.map((c) => <span class="tag" key={c.id}><a href={caseHref(c.id)} dir="auto">{c.name}</a> <button type="button" aria-label={`Take it out of the case ${c.name}`} onClick={() => void change(c, { remove: [video.id] })}>×</button></span>)}</p>
      <PutForm label="Case to put it into" none="a case …" choices={rest} put={(id) => change(rest.find((c) => c.id === id)!, { add: [video.id] })} />
      <NewCase videos={[video.id]} done={(made) => say(`${video.name} is in the case ${made.name}`)} />
    </details>
  );
}
