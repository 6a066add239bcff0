// SPDX-License-Identifier: Apache-2.0
// Search in all events, summaries and transcripts.
import { useEffect, useState } from 'preact/hooks';
import { api, pictureUrl } from './api';
import { clock, fold, plural } from './format';
import { videoHref } from './router';
import type { Hit } from './types';

/** Hits shown at first; each has a picture to load. */
const PAGE = 50;

const KINDS: Record<string, string> = { any: 'everything', event: 'events', summary: 'summaries', said: 'what is said', written: 'what is written' };

function labelOf(h: Hit): string {
  if (h.kind !== 'said' && h.kind !== 'written') return `chunk ${h.chunk + 1}`;
  return h.recognized ? `${h.kind}, recognized` : h.kind;
}

/** The panel that lists a hit. */
const panelOf = (h: Hit) => (h.kind === 'summary' ? 'chunks' : h.kind === 'said' || h.kind === 'written' ? 'said' : undefined);

/** The text with the words of the search marked; text stays text. */
function Marked({ text, words }: { text: string; words: string[] }) {
  if (!words.length) return <>{text}</>;
  const escaped = words.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  let at = 0;
  return <>{fold(text).split(new RegExp(`(${escaped.join('|')})`)).map((part, i) => {
    const mine = text.slice(at, at += part.length);
    return i % 2 ? <mark key={i}>{mine}</mark> : mine;
  })}</>;
}

export function Search({ q }: { q: string }) {
  const [hits, setHits] = useState<Hit[]>();
  const [more, setMore] = useState(false);
  const [error, setError] = useState('');
  const [most, setMost] = useState(PAGE);
  const [kind, setKind] = useState('any');
  useEffect(() => {
    setMost(PAGE);
    if (!q.trim()) {
      setHits(undefined);
      return undefined;
    }
    const control = new AbortController();
    const timer = setTimeout(() => {
      api.search(q, kind, control.signal).then(
        (r) => { setHits(r.hits); setMore(r.more); setError(''); },
        (e) => { if (!control.signal.aborted) setError(e.message); });
    }, 150);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [q, kind]);
  const words = q.trim().split(/\s+/).filter((w, i, all) => w !== 'OR' || !i || i === all.length - 1).map((w) => fold(w.replace(/["*]/g, ''))).filter(Boolean);
  const groups = new Map<string, Hit[]>();
  for (const hit of (hits ?? []).slice(0, most)) groups.set(hit.job, [...(groups.get(hit.job) ?? []), hit]);
  return (
    <main class="search" id="main">
      <h1>Search</h1>
      <label class="search-kind">Find <select value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
        {Object.entries(KINDS).map(([name, text]) => <option key={name} value={name}>{text}</option>)}
      </select></label>
      <p class="note" role="status">{error || (hits ? (hits.length ? `${plural(hits.length, 'hit')} in ${plural(new Set(hits.map((h) => h.job)).size, 'analysis', 'analyses')}${more ? '; there are more: add a word' : ''}` : `Nothing found for “${q}”.`)
        : q.trim() ? 'Searching…' : 'Type words into the search field.')}</p>
      {[...groups].map(([job, list]) => (
        <section key={job}>
          <h2 dir="auto"><a href={videoHref(job)}>{list[0]!.name}</a> <span class="n">{list.length}</span></h2>
          <ul class="hits">
            {list.map((h, i) => (
              <li key={i}>
                <a href={videoHref(job, h.start, panelOf(h))}>
                  {h.sample != null && <img src={pictureUrl(h.job, h.chunk, h.sample)} alt="" loading="lazy" width={160} height={90} onError={(e) => e.currentTarget.classList.add('gone')} />}
                  <span><time>{clock(h.start)}</time> <span class="note">{labelOf(h)}{h.verdict === 'withdrawn' && (h.kind === 'event' ? ', withdrawn' : ', may repeat what was withdrawn')}{h.verdict === 'unsure' && ', unsure'}</span><span class="what" dir="auto"><Marked text={h.text} words={words} /></span></span>
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
      {hits && hits.length > most && (
        <button type="button" class="act" onClick={() => setMost(most + PAGE)}>Show more</button>
      )}
    </main>
  );
}
