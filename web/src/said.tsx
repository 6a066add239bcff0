// SPDX-License-Identifier: Apache-2.0
// What is said in a video, and what is written in its picture.
import { useMemo, useState } from 'preact/hooks';
import { transcriptUrl } from './api';
import { clock, matcher } from './format';
import { LongList } from './list';
import type { Text, TextKind, Transcript } from './types';

const NAMES: Record<TextKind, string> = { subtitle: 'Subtitles', speech: 'Speech', written: 'Written' };
const KINDS = Object.keys(NAMES) as TextKind[];

/** Both lists as one, in order of time. */
export function textsOf(t: Transcript | undefined): Text[] {
  if (!t) return [];
  return [
    ...t.said.map((s) => ({ ...s, kind: s.source as TextKind })),
    ...t.written.map((w) => ({ ...w, kind: 'written' as TextKind })),
  ].sort((a, b) => a.start - b.start || a.end - b.end);
}

function Row({ of, named, seek }: { of: Text; named: boolean; seek: (t: number) => void }) {
  return (
    <p class={`said ${of.kind}`}>
      <button type="button" class="time" onClick={() => seek(of.start)}>{clock(of.start)}</button>
      {named && <small class="note"> {of.kind} {of.track}{of.language && ` (${of.language})`}
        {of.kind !== 'subtitle' && of.confidence != null && `, ${Math.round(of.confidence * 100)} %`}</small>}
      {' '}<span dir="auto">{of.speaker && <b>{of.speaker}: </b>}{of.text}</span>
    </p>
  );
}

/** Of the shown kinds, for the address. */
function kindsOf(shown: TextKind[]): string {
  const is = (...kinds: TextKind[]) => shown.length === kinds.length && kinds.every((k) => shown.includes(k));
  return is('subtitle', 'speech') ? 'said' : shown.length === 1 ? shown[0]! : 'all';
}

export function SaidPanel({ job, over, data, seek }: { job: string; over: boolean; data: Transcript | undefined; seek: (t: number) => void }) {
  const [off, setOff] = useState<TextKind[]>([]);
  const [filter, setFilter] = useState('');
  const all = useMemo(() => textsOf(data), [data]);
  const known = KINDS.filter((kind) => all.some((t) => t.kind === kind));
  const shown = known.filter((kind) => !off.includes(kind));
  const texts = useMemo(() => {
    const fits = matcher(filter);
    return all.filter((t) => !off.includes(t.kind) && (!fits || fits(`${t.speaker ?? ''} ${t.text}`)));
  }, [all, off, filter]);
  if (!over) return <p class="note empty">What is said and written is listed when all chunks are finished.</p>;
  if (!data) return <p class="note empty">Loading…</p>;
  const sources = [...data.said_sources ?? [], ...data.written_sources ?? []];
  /** What stands for all of a kind, where one of them gives the same reason. */
  const isRepeated = (s: (typeof sources)[number]) => s.track == null && sources.some((o) => o.track != null && o.kind === s.kind && o.fault === s.fault);
  const toggle = (kind: TextKind) => setOff(off.includes(kind) ? off.filter((k) => k !== kind) : [...off, kind]);
  return (
    <>
      {all.length > 0 && (
        <div class="filter" role="search">
          <input id="filter" type="search" value={filter} placeholder="Filter" aria-label="Filter texts" autocomplete="off" spellcheck={false}
            onInput={(e) => setFilter(e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key === 'Escape') e.currentTarget.value ? setFilter('') : e.currentTarget.blur();
            }} />
          <span class="note" role="status">{texts.length === all.length ? all.length.toLocaleString('en') : `${texts.length} of ${all.length}`}</span>
          {known.length > 1 && known.map((kind) => (
            <button type="button" class="act small" key={kind} aria-pressed={!off.includes(kind)} onClick={() => toggle(kind)}>{NAMES[kind]}</button>
          ))}
          {shown.length > 0 && (
            <span class="downloads">{['srt', 'vtt', 'txt'].map((format) => (
              <a key={format} href={transcriptUrl(job, kindsOf(shown), format)} download title={`Download as ${format.toUpperCase()}`}>{format.toUpperCase()}</a>
            ))}</span>
          )}
        </div>
      )}
      {sources.filter((s) => s.fault && !isRepeated(s)).map((s) => <p class="fault" key={`${s.kind}${s.track ?? ''}`} dir="auto">{s.kind}{s.track != null && ` ${s.track}`}: {s.fault}</p>)}
      <p class="note coverage" dir="auto">{data.coverage}</p>
      {all.length > 0 && !texts.length && <p class="note empty">No text matches.</p>}
      {texts.length > 0 && <LongList count={texts.length} estimate={40} label="What is said and written" keyOf={(i) => i}
        row={(i) => texts[i] && <Row of={texts[i]!} named={sources.length > 1 || known.length > 1 || shown[0] !== 'subtitle'} seek={seek} />} />}
    </>
  );
}
