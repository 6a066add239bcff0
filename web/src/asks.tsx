// SPDX-License-Identifier: Apache-2.0
// Questions about videos: a field, what is examined now, and answers whose citations lead to their moments. What models
// wrote is set as text.
import { useEffect, useState } from 'preact/hooks';
import { answerUrl, api, citeUrl } from './api';
import { clock, plural, seconds, span } from './format';
import { listen } from './live';
import { videoHref } from './router';
import { addAsk, asks, attempt, dropAsk, may, videos } from './state';
import type { Answer, Ask, AskDetail, NewAsk } from './types';

const SHOWN = 3, QUESTION_MAX = 2000, CITES = 24;
const OPEN = ['waiting', 'running'];
const STEPS: Record<string, string> = {
  starting: 'Starting', search: 'Searching', look: 'Examining', check: 'Checking', compose: 'Writing the answer',
};
const RESULTS: Record<string, string> = {
  answered: '', partly: 'Answered partly', 'not-found': 'Not found', 'not-seen': 'Not seen: every sampled frame was examined', failed: 'Nothing could be examined',
};

async function send(body: NewAsk): Promise<boolean> {
  const made = await attempt(api.ask(body));
  if (made) addAsk(made);
  return made !== undefined;
}

const scopeOf = ({ videos: some, case: one }: Ask) => (one ? { case: one } : some ? { videos: some } : { all: true });

function QuestionForm({ label, button, scope, thread }: { label: string; button: string; scope: Partial<NewAsk>; thread?: string }) {
  const [text, setText] = useState('');
  return (
    <form class="row" onSubmit={(e) => {
      e.preventDefault();
      void send({ ...scope, ...(thread ? { thread } : {}), question: text.trim() }).then((done) => done && setText(''));
    }}>
      <input value={text} maxLength={QUESTION_MAX} aria-label={label} placeholder={label} autocomplete="off" onInput={(e) => setText(e.currentTarget.value)} />
      <button type="submit" class="act" disabled={!text.trim()}>{button}</button>
    </form>
  );
}

function Progress({ of }: { of: Ask }) {
  const p = of.progress;
  const words = !p ? 'Waits for its turn' : [
    STEPS[p.step] ?? p.step, p.video, p.start !== null && p.end !== null && `${clock(p.start)} – ${clock(p.end)}`,
    p.total > 0 && `(${p.done} of ${p.total})`].filter(Boolean).join(' ');
  return (
    <p class="note" role="status" dir="auto">{words} …
      {may.value.submit && <> <button type="button" class="act small" onClick={() => void attempt(api.cancelAsk(of.id))}>Cancel</button></>}
    </p>
  );
}

/** Where the n-th citation, from 1, is: its moment in the results, or else its picture. */
function citeHref({ id, answer, places }: AskDetail, n: number): string | undefined {
  const cite = answer?.cites[n - 1];
  if (!cite) return undefined;
  const place = places[cite.source];
  return place ? videoHref(place.job, cite.frames[0]?.pts ?? cite.start) : cite.frames.length ? citeUrl(id, n) : undefined;
}

/** A text in which each [n] is a link to the citation. */
function Cited({ of, text }: { of: AskDetail; text: string }) {
  return <>{text.split(/(\[\d+\])/).map((part, i) => {
    const href = i % 2 ? citeHref(of, Number(part.slice(1, -1))) : undefined;
    return href ? <a class="cite" key={i} href={href}>{part}</a> : part;
  })}</>;
}

/** A text of the transcript; what a frame shows has frames. */
const isQuote = (c: Answer['cites'][number]) => c.sense !== 'seen' && !c.frames.length && c.verdict === 'shown';

function Cites({ of, answer }: { of: AskDetail; answer: Answer }) {
  const [most, setMost] = useState(CITES);
  return (
    <ol class="cites">
      {answer.cites.slice(0, most).map((c, i) => {
        const href = citeHref(of, i + 1), source = answer.sources[c.source];
        const about = `${source?.name ?? ''} ${clock(c.start)}`;
        return (
          <li key={i} id={`ask-${of.id}-${i + 1}`}>
            {c.frames.length > 0 && <img src={citeUrl(of.id, i + 1)} alt={`Frame of ${about}`} loading="lazy" onError={(e) => { e.currentTarget.hidden = true; }} />}
            <span><b>[{i + 1}]</b> {href ? <a href={href} dir="auto">{about}</a> : <span dir="auto">{about}</span>} <small class="verdict">{isQuote(c) ? 'compared with the transcript' : c.verdict}{c.p !== null && ` (${c.p.toFixed(2)})`}</small>
              {source?.deleted && <small class="verdict">source deleted</small>}<br /><span class="note" dir="auto">{c.quote ? `“${c.quote}”` : c.text}</span></span>
          </li>
        );
      })}
      {most < answer.cites.length && <li><button type="button" class="act" onClick={() => setMost(answer.cites.length)}>{answer.cites.length - most} more</button></li>}
    </ol>
  );
}

/** How densely the videos were seen apart from what was examined; nothing where it is not known. */
function density({ sources }: Answer): string {
  const known = sources.filter((s) => s.mean_gap), length = known.reduce((all, s) => all + s.to - s.from, 0);
  if (!known.length) return '';
  const frames = known.reduce((all, s) => all + (s.to - s.from) / s.mean_gap!, 0);
  const longest = sources.reduce((a, b) => ((b.max_gap ?? 0) > (a.max_gap ?? 0) ? b : a));
  const gap = longest.max_gap ? `, longest gap ${seconds(longest.max_gap)} at ${clock(longest.max_gap_at ?? 0)}${sources.length > 1 ? ` of ${longest.name}` : ''}` : '';
  return `Otherwise a frame every ${seconds(length / frames)}${gap}; what happened between two frames is not known.`;
}

/** What was examined for this question, and what was not. */
function Coverage({ of, answer }: { of: AskDetail; answer: Answer }) {
  const sum = (value: (s: Answer['sources'][number]) => number) => answer.sources.reduce((all, s) => all + value(s), 0);
  const length = sum((s) => s.to - s.from), examined = sum((s) => s.examined), holes = sum((s) => s.holes), { price } = answer;
  const all = !of.thorough && price && price.requests ? [price.time && span(price.time), price.tokens && plural(price.tokens, 'token')].filter(Boolean).join(', ') : '';
  const spent = `${plural(answer.spent.requests, 'request')}, ${plural(answer.spent.prompt_tokens, 'token')}, ${span(answer.spent.wall_time)}.`;
  if (answer.state !== 'failed' && answer.steps.some((s) => s.kind === 'search')) {
    return <p class="note">{answer.cites.length ? 'The quotes were compared with the transcript' : 'The transcript was searched'}; no frame was looked at. {spent}</p>;
  }
  return (
    <>
      <p class="note">Examined for this question: {clock(examined)} of {clock(length)} of {plural(answer.sources.length, 'video')}.
        {holes > 0 && ` ${clock(holes)} was not seen.`}{' '}<span dir="auto">{density(answer)}</span>{' '}
        {spent}</p>
      {answer.sources.filter((s) => s.unseen).map((s, i) => <p class="fault" key={i} dir="auto">{s.name}: {s.unseen}</p>)}
      {answer.unread.length > 0 && <p class="note" dir="auto">Not analyzed: {answer.unread.join(', ')}</p>}
      {all && may.value.submit && <p class="note">Examining every sampled frame: {all}. <button type="button" class="act small" onClick={() => void send({ ...scopeOf(of), question: of.question, thorough: true })}>Examine every frame</button></p>}
    </>
  );
}

function AnswerView({ of }: { of: AskDetail }) {
  const { answer } = of;
  if (!answer) return <p class="prose" dir="auto">{of.text}</p>;
  return (
    <>
      {RESULTS[answer.state] && <p><b>{RESULTS[answer.state]}</b></p>}
      <p class="prose" dir="auto"><Cited of={of} text={answer.text} /></p>
      <Cites of={of} answer={answer} />
      {answer.dropped.length > 0 && <details><summary class="note">{plural(answer.dropped.length, 'statement')} left out</summary>
        <ul>{answer.dropped.map((d, i) => <li class="note" key={i} dir="auto">{d.text}: {d.reason}</li>)}</ul></details>}
      <Coverage of={of} answer={answer} />
    </>
  );
}

function AskCard({ of }: { of: Ask }) {
  const [detail, setDetail] = useState<AskDetail>();
  // What was deleted meanwhile is named once the videos are others.
  const known = videos.value.size;
  useEffect(() => {
    if (of.state === 'done') void attempt(api.askDetail(of.id)).then(setDetail);
  }, [of.id, of.state, known]);
  const before = of.thread ? asks.value.get(of.thread) : undefined;
  const remove = async () => {
    if (confirm('Delete this question and its answer?') && await attempt(api.removeAsk(of.id).then(() => true))) dropAsk(of.id);
  };
  return (
    <li class="ask" data-ask={of.id} data-state={of.state}>
      <h3 dir="auto">{of.question}</h3>
      {before && <p class="note" dir="auto">follows: {before.question}</p>}
      {of.thorough && <p class="note">every sampled frame</p>}
      {OPEN.includes(of.state) && <Progress of={of} />}
      {of.state === 'failed' && <p class="fault" dir="auto">{of.error}</p>}
      {of.state === 'canceled' && <p class="note">Canceled. Asked again, it goes on where it was.</p>}
      {of.state === 'done' && (detail ? <AnswerView of={detail} /> : <p class="prose" dir="auto">{of.text}</p>)}
      {!OPEN.includes(of.state) && <div class="foot">
        {of.state === 'done' && may.value.submit ? <QuestionForm label="Follow-up question" button="Ask" scope={scopeOf(of)} thread={of.id} /> : <span />}
        <span class="controls">
          {of.state === 'done' && <a class="act" href={answerUrl(of.id, 'html', false)} target="_blank" rel="noopener">Page</a>}
          {may.value.submit && <button type="button" class="act danger" onClick={remove}>Delete</button>}
        </span>
      </div>}
    </li>
  );
}

/** Questions about a case, or about all videos. */
export function Asks({ of }: { of?: string }) {
  const [most, setMost] = useState(SHOWN), [older, setOlder] = useState(false);
  const load = (before?: string) => attempt(api.asks(of, before)).then((list) => {
    list?.asks.forEach(addAsk);
    if (list) setOlder(list.more);
  });
  useEffect(() => {
    void load();
    return listen((e) => {
      if (e.type === 'reload') void load();
    });
  }, [of]);
  const own = [...asks.value.values()].filter((a) => (of ? a.case === of : !a.case)).sort((a, b) => Number(b.id) - Number(a.id));
  if (!may.value.submit && !own.length) return null;
  const more = () => {
    if (older && most + SHOWN > own.length) void load(own[own.length - 1]?.id);
    setMost(most + SHOWN);
  };
  return (
    <section class="asks" aria-label="Questions">
      <h2>Questions</h2>
      {may.value.submit && <QuestionForm label={of ? 'A question about the videos of this case' : 'A question about all videos'} button="Ask" scope={of ? { case: of } : { all: true }} />}
      <ul class="ask-list">{own.slice(0, most).map((a) => <AskCard key={a.id} of={a} />)}</ul>
      {(most < own.length || older) && <button type="button" class="act" onClick={more}>Earlier questions</button>}
    </section>
  );
}
