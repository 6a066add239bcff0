// SPDX-License-Identifier: Apache-2.0
// Search through everything that was ever found.
import { useEffect, useState } from 'preact/hooks';
import { api, frameUrl } from './api';
import { clock, fold, plural } from './format';
import { caseHref } from './router';
import type { Hit } from './types';

/** The text with what was looked for marked; text stays text. */
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
  const [error, setError] = useState('');
  useEffect(() => {
    if (!q.trim()) {
      setHits(undefined);
      return undefined;
    }
    const control = new AbortController();
    const timer = setTimeout(() => {
      api.search(q, control.signal).then(
        (r) => { setHits(r.hits); setError(''); },
        (e) => { if (!control.signal.aborted) setError(e.message); });
    }, 150);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [q]);
  const words = fold(q).split(/\s+/).map((w) => w.replace(/["*]/g, '')).filter(Boolean);
  const groups = new Map<string, Hit[]>();
  for (const hit of hits ?? []) groups.set(hit.job, [...(groups.get(hit.job) ?? []), hit]);
  return (
    <main class="search" id="main">
      <h1>Search</h1>
      <p class="note" role="status">{error || (hits ? (hits.length ? `${plural(hits.length, 'hit')} in ${plural(groups.size, 'video')}` : `Nothing found for “${q}”.`)
        : q.trim() ? 'Searching…' : 'Type what you look for into the field above.')}</p>
      {[...groups].map(([job, list]) => (
        <section key={job}>
          <h2 dir="auto"><a href={caseHref(job)}>{list[0]!.name}</a> <span class="n">{list.length}</span></h2>
          <ul class="hits">
            {list.map((h, i) => (
              <li key={i}>
                <a href={caseHref(job, h.start, h.kind === 'summary' ? 'chunks' : undefined)}>
                  {h.video && <img src={frameUrl(h.video, h.start, 160)} alt="" loading="lazy" width={160} height={90} onError={(e) => e.currentTarget.classList.add('gone')} />}
                  <span><time>{clock(h.start)}</time> <span class="note">chunk {h.chunk + 1}</span><span class="what" dir="auto"><Marked text={h.text} words={words} /></span></span>
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </main>
  );
}
