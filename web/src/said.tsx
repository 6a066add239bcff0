// SPDX-License-Identifier: Apache-2.0
// What is said in a video: the subtitles in its file.
import { useEffect, useState } from 'preact/hooks';
import { api } from './api';
import { clock } from './format';
import { LongList } from './list';
import { attempt } from './state';
import type { Segment, Transcript } from './types';

function Row({ of, several, seek }: { of: Segment; several: boolean; seek: (t: number) => void }) {
  return (
    <p class="said">
      <button type="button" class="time" onClick={() => seek(of.start)}>{clock(of.start)}</button>
      {several && <small class="note"> {of.source} {of.track}{of.language && ` (${of.language})`}</small>}
      {' '}<span dir="auto">{of.speaker && <b>{of.speaker}: </b>}{of.text}</span>
    </p>
  );
}

export function SaidPanel({ job, over, seek }: { job: string; over: boolean; seek: (t: number) => void }) {
  const [data, setData] = useState<Transcript>();
  useEffect(() => {
    if (over) void attempt(api.transcript(job)).then((found) => found && setData(found));
  }, [job, over]);
  if (!over) return <p class="note empty">What is said is listed when all chunks are finished.</p>;
  if (!data) return <p class="note empty">Loading…</p>;
  const sources = data.said_sources ?? [], said = data.said;
  return (
    <>
      {sources.filter((s) => s.fault).map((s) => <p class="fault" key={s.track ?? -1} dir="auto">{s.kind}{s.track != null && ` ${s.track}`}: {s.fault}</p>)}
      {!said.length
        ? <p class="note empty">The file has no subtitles that can be read. What is only heard is not known.</p>
        : <LongList count={said.length} estimate={40} label="What is said" keyOf={(i) => i}
            row={(i) => said[i] && <Row of={said[i]!} several={sources.length > 1} seek={seek} />} />}
    </>
  );
}
