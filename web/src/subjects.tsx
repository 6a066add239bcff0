// SPDX-License-Identifier: Apache-2.0
// Who and what appears in a video, when, and what a person corrects of it.
import { useEffect, useState } from 'preact/hooks';
import { api } from './api';
import { clock, plural } from './format';
import { attempt, may } from './state';
import type { Subject, SubjectChange, Subjects, VideoEvent } from './types';

const TIMES = 8;

const titleOf = (s: Subject) => s.name ?? s.description;

interface Props {
  of: Subject;
  all: Subject[];
  events: VideoEvent[];
  states: VideoEvent[];
  seek: (t: number) => void;
  change: (body: SubjectChange) => Promise<void>;
}

function Times({ of, seek }: Pick<Props, 'of' | 'seek'>) {
  const [whole, setWhole] = useState(false);
  const shown = whole ? of.intervals : of.intervals.slice(0, TIMES);
  return (
    <p class="times">
      {shown.map((i) => (
        <button type="button" class="time" key={i.start} onClick={() => seek(i.start)}>{clock(i.start)}{i.end - i.start >= 1 && <small>–{clock(i.end)}</small>}</button>
      ))}
      {shown.length < of.intervals.length && (
        <button type="button" class="act small" onClick={() => setWhole(true)}>{of.intervals.length - shown.length} more</button>
      )}
    </p>
  );
}

function Rename({ of, change }: Pick<Props, 'of' | 'change'>) {
  const [text, setText] = useState(of.name ?? '');
  return (
    <form onSubmit={(e) => {
      e.preventDefault();
      void change({ kind: 'rename', subject: of.number, text });
    }}>
      <input value={text} maxLength={200} placeholder={of.description} aria-label={`Name of subject ${of.number}`} onInput={(e) => setText(e.currentTarget.value)} />
      <button class="act small" disabled={!text.trim() || text === of.name}>Rename</button>
    </form>
  );
}

function Merge({ of, all, change }: Pick<Props, 'of' | 'all' | 'change'>) {
  const [other, setOther] = useState(of.possibly_same[0] ?? 0);
  const known = all.some((s) => s.number === other);
  return (
    <form onSubmit={(e) => {
      e.preventDefault();
      void change({ kind: 'merge', subjects: [of.number, other] });
    }}>
      <select value={known ? other : 0} aria-label={`Same as subject ${of.number}`} onChange={(e) => setOther(Number(e.currentTarget.value))}>
        <option value={0}>the same as …</option>
        {all.filter((s) => s !== of).map((s) => <option key={s.number} value={s.number}>{s.number} {titleOf(s)}</option>)}
      </select>
      <button class="act small" disabled={!known}>Merge</button>
    </form>
  );
}

function Split({ of, events, states, change }: Omit<Props, 'all' | 'seek'>) {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const entries = [
    ...of.events.map((i) => ({ key: `e${i}`, event: events[i] })),
    ...of.states.map((i) => ({ key: `s${i}`, event: states[i] })),
  ].filter((x) => x.event);
  if (entries.length < 2) return null;
  const toggle = (key: string) => {
    const next = new Set(picked);
    if (!next.delete(key)) next.add(key);
    setPicked(next);
  };
  const numbers = (kind: string) => [...picked].filter((k) => k[0] === kind).map((k) => Number(k.slice(1)));
  return (
    <details>
      <summary>Split</summary>
      <form onSubmit={(e) => {
        e.preventDefault();
        void change({ kind: 'split', subject: of.number, events: numbers('e'), states: numbers('s') });
      }}>
        {entries.map(({ key, event }) => (
          <label key={key}>
            <input type="checkbox" checked={picked.has(key)} onChange={() => toggle(key)} /> {clock(event!.start)} <span dir="auto">{event!.what}</span>
          </label>
        ))}
        <button class="act small" disabled={!picked.size || picked.size === entries.length}>Make these a subject of their own</button>
      </form>
    </details>
  );
}

function Row(props: Props) {
  const { of } = props;
  return (
    <article class="subject">
      <h3 dir="auto"><small>{of.number}</small> {titleOf(of)}</h3>
      {of.name && <p class="note" dir="auto">{of.description}</p>}
      <p class="note">{plural(of.events.length, 'event')}{of.states.length > 0 && `, ${plural(of.states.length, 'state')}`}
        {of.possibly_same.length > 0 && `; possibly the same as ${of.possibly_same.join(', ')}${of.possibly_others ? ' and others' : ''}`}</p>
      <Times of={of} seek={props.seek} />
      {may.value.submit && (
        <details class="edit">
          <summary>Correct</summary>
          <Rename {...props} />
          {props.all.length > 1 && <Merge {...props} />}
          <Split {...props} />
        </details>
      )}
    </article>
  );
}

export function SubjectsPanel({ job, over, events, states, seek }: { job: string; over: boolean } & Pick<Props, 'events' | 'states' | 'seek'>) {
  const [data, setData] = useState<Subjects>();
  useEffect(() => {
    if (over) void attempt(api.subjects(job)).then((found) => found && setData(found));
  }, [job, over, events]);
  const change = async (body: SubjectChange) => {
    const changed = await attempt(api.changeSubjects(job, body));
    if (changed) setData(changed);
  };
  if (!over) return <p class="note empty">Subjects are listed when all chunks are finished.</p>;
  if (!data) return <p class="note empty">Loading…</p>;
  const failed = data.edits.filter((e) => !e.applied);
  return (
    <div class="subjects" tabIndex={0} role="region" aria-label="Subjects">
      <p class="note">Made from the words of the model; nothing is recognized in the pictures. The same words may be about several, and other words about the same one.</p>
      {may.value.submit && data.edits.length > 0 && (
        <p class="note">{plural(data.edits.length, 'edit')} <button type="button" class="act small" onClick={() => void change({ kind: 'undo' })}>Undo the last</button></p>
      )}
      {failed.map((e, i) => <p class="fault" key={i} dir="auto">Not applied: {e.kind} {e.subject}{e.text && ` to ${e.text}`}: {e.reason}</p>)}
      {!data.subjects.length && <p class="note empty">The model named no subject.</p>}
      {data.subjects.map((s) => <Row key={`${s.number}-${data.edits.length}`} of={s} all={data.subjects} events={events} states={states} seek={seek} change={change} />)}
    </div>
  );
}
