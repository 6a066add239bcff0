// SPDX-License-Identifier: Apache-2.0
// The fleet of the server: its workers, what they do, what limits them.
import { api } from './api';
import { attempt, may, say } from './state';
import type { Fleet, FleetWorker } from './types';

const STATES: Record<string, string> = { working: 'working', draining: 'draining: ends after its units', silent: 'silent' };
const WAITS: Record<string, string> = {
  units: 'for units', engine: 'for its engine', frames: 'for frames', bytes: 'for bytes of videos', head: 'for the head',
};

const round = (n: number) => (n >= 100 ? Math.round(n).toLocaleString('en') : String(Math.round(n * 10) / 10));

function age(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** The share of blocks that did not have to be fetched. */
function cache({ cache_hits: hits, cache_misses: misses }: FleetWorker['figures']): string {
  return hits + misses ? `${Math.round((hits / (hits + misses)) * 100)} %` : '–';
}

async function drain(w: FleetWorker, done: () => void) {
  if (!confirm(`End the worker “${w.name}” after the units that it has?`)) return;
  if (!await attempt(api.drainWorker(w.name).then(() => true))) return;
  say(`${w.name} ends after its units`);
  done();
}

async function forget(w: FleetWorker, done: () => void) {
  if (!confirm(`Take “${w.name}” out of the list? It comes back when it is heard of again.`)) return;
  if (!await attempt(api.forgetWorker(w.name).then(() => true))) return;
  say(`${w.name} is not in the list any more`);
  done();
}

function Row({ w, other, changed }: { w: FleetWorker; other: boolean; changed: () => void }) {
  const failed = w.failed + w.silent;
  const button = (label: string, title: string, run: () => unknown) => (
    <button type="button" class="act small" title={title} aria-label={`${title}: ${w.name}`} onClick={run}>{label}</button>
  );
  return (
    <tr data-worker={w.name} class={w.state}>
      <th scope="row">{w.name}</th>
      <td data-label="State">{STATES[w.state] ?? w.state}{w.state === 'silent' && ` for ${age(w.age)}`}</td>
      <td data-label="Slots">{w.in_progress} of {w.slots}</td>
      <td data-label="Units a minute">{w.rate === null ? '–' : round(w.rate)}</td>
      <td data-label="Waits">{(w.waits_for && WAITS[w.waits_for]) || '–'}</td>
      <td data-label="Done">{w.done.toLocaleString('en')}{failed ? <span class="warn">, {failed.toLocaleString('en')} failed</span> : null}
        {w.differed ? <span class="warn" title="Another worker did them, too">, {w.differed.toLocaleString('en')} of {w.compared.toLocaleString('en')} differ</span> : null}</td>
      <td data-label="From its cache">{cache(w.figures)}</td>
      <td data-label="Version"><span class={other ? 'warn' : 'note'}>{w.version ?? '–'}</span> <span class="note">{w.model}{w.hwaccel && w.hwaccel !== 'none' ? `, ${w.hwaccel}` : ''}</span></td>
      {may.value.admin && (
        <td><div class="controls">
          {w.state === 'working' ? button('Drain', 'End it after its units', () => drain(w, changed))
            : button('Forget', 'Take it out of the list', () => forget(w, changed))}
        </div></td>
      )}
    </tr>
  );
}

export function FleetSection({ fleet, changed }: { fleet: Fleet; changed: () => void }) {
  const { units, counts, bottleneck } = fleet;
  const facts: [string, string][] = [
    ['units wait', units.waiting.toLocaleString('en')], ['in progress', units.begun.toLocaleString('en')],
    ['a minute', round(fleet.rate)], ['done', counts.done.toLocaleString('en')],
    ['given again', counts.redelivered.toLocaleString('en')], ['failed for good', counts.holes.toLocaleString('en')],
  ];
  return (
    <section class="fleet" aria-labelledby="fleet">
      <h2 id="fleet">Fleet <span class="n">{fleet.workers.length}</span></h2>
      {!fleet.connected && <p class="warn" role="alert">No connection to the NATS server: work waits.</p>}
      <p class="facts">{facts.map(([what, n]) => <span key={what}><b>{n}</b> {what} </span>)}</p>
      <p>{bottleneck
        ? <><b>Limited by: {bottleneck.what}.</b> {bottleneck.text} <span class="note">{bottleneck.action}</span></>
        : <span class="note">What limits it is not known yet.</span>}</p>
      {fleet.workers.length ? (
        <div class="scroll"><table>
          <thead><tr><th scope="col">Worker</th><th scope="col">State</th><th scope="col">Slots</th><th scope="col">Units a minute</th>
            <th scope="col">Waits</th><th scope="col">Done</th><th scope="col">From its cache</th><th scope="col">Version</th>
            {may.value.admin && <th scope="col">Actions</th>}</tr></thead>
          <tbody>{fleet.workers.map((w) => (
            <Row key={w.name} w={w} other={!!w.version && w.version !== fleet.version} changed={changed} />
          ))}</tbody>
        </table></div>
      ) : <p class="note">No worker is there. On each machine that is to help: <code>vdet worker --fleet ADDRESS</code></p>}
    </section>
  );
}
