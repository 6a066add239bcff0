// SPDX-License-Identifier: Apache-2.0
// The machine: what it does now and did lately, what would make it faster, who is connected, how it is set.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { AdviceList } from './advice';
import { api } from './api';
import { FleetSection } from './fleet';
import { bytes, when } from './format';
import { addMetrics, attempt, jobs, link, may, metrics, say } from './state';
import type { Fleet, Performance, Metrics, Session, Setting } from './types';

interface Series {
  label: string;
  color: string;
  value: (r: Metrics) => number | null | undefined;
}

interface Plot {
  title: string;
  unit: string;
  series: Series[];
  range?: [number, number];
}

const sum = (r: Metrics, pick: (g: NonNullable<Metrics['gpu']>[number]) => number | null | undefined) => {
  const all = (r.gpu ?? []).map(pick).filter((n): n is number => n != null);
  return all.length ? all.reduce((a, b) => a + b, 0) : null;
};
const mean = (r: Metrics, pick: (g: NonNullable<Metrics['gpu']>[number]) => number | null | undefined) => {
  const n = (r.gpu ?? []).map(pick).filter((x) => x != null).length, s = sum(r, pick);
  return s === null || !n ? null : s / n;
};
/** A share may be sent as 0 to 1 or in percent. */
const percent = (n: number | null) => (n === null ? null : n <= 1 ? n * 100 : n);

const PLOTS: Plot[] = [
  { title: 'Tokens', unit: 'tok/s', series: [
    { label: 'read', color: 'mark', value: (r) => r.prefill_rate },
    { label: 'written', color: 'warn', value: (r) => r.decode_rate }] },
  { title: 'Engine slots', unit: '', series: [
    { label: 'busy', color: 'mark', value: (r) => r.slots_busy },
    { label: 'there', color: 'soft', value: (r) => r.slots }] },
  { title: 'Queue', unit: '', series: [
    { label: 'running', color: 'mark', value: (r) => r.running },
    { label: 'waiting', color: 'warn', value: (r) => r.queue }] },
  { title: 'GPU load', unit: '%', range: [0, 100], series: [
    { label: 'computing', color: 'mark', value: (r) => percent(mean(r, (g) => g.load)) },
    { label: 'decoding', color: 'warn', value: (r) => percent(mean(r, (g) => g.decoder)) }] },
  { title: 'GPU memory', unit: 'GB', series: [
    { label: 'used', color: 'mark', value: (r) => gigabytes(sum(r, (g) => g.memory_used)) },
    { label: 'there', color: 'soft', value: (r) => gigabytes(sum(r, (g) => g.memory_total)) }] },
  { title: 'Memory of vdet', unit: 'GB', series: [{ label: 'used', color: 'mark', value: (r) => gigabytes(r.rss ?? null) }] },
];

function gigabytes(n: number | null | undefined) {
  return n == null ? null : n / 1e9;
}

function columns(plot: Plot, all: Metrics[]): uPlot.AlignedData {
  return [all.map((r) => r.time), ...plot.series.map((s) => all.map((r) => s.value(r) ?? null))] as uPlot.AlignedData;
}

const timeOfDay = (unix: number) => new Date(unix * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });

/** A sample made from the jobs, if the server sends no metrics. */
function fromJobs(): Metrics {
  const all = [...jobs.peek().values()], running = all.filter((j) => j.state === 'running');
  return {
    time: Date.now() / 1000,
    running: running.length,
    queue: all.filter((j) => j.state === 'queued').length,
    prefill_rate: running.reduce((sum, j) => sum + (j.prefill_rate ?? 0), 0),
    decode_rate: running.reduce((sum, j) => sum + (j.decode_rate ?? 0), 0),
  };
}

function Chart({ plot, all }: { plot: Plot; all: Metrics[] }) {
  const box = useRef<HTMLDivElement>(null), chart = useRef<uPlot | undefined>(undefined);
  const last = all[all.length - 1];
  const theme = document.documentElement.dataset.theme ?? '';
  useEffect(() => {
    const element = box.current!, style = getComputedStyle(element), color = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const axis: uPlot.Axis = { stroke: color('soft'), grid: { stroke: color('line'), width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
    const u = new uPlot({
      width: Math.max(200, element.clientWidth), height: 130, legend: { show: false }, cursor: { drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_, _min, max) => plot.range ?? [0, Math.max(1, (max || 0) * 1.15)] } },
      axes: [{ ...axis, size: 24, values: (_, ts) => ts.map(timeOfDay) }, { ...axis, size: 42 }],
      series: [{}, ...plot.series.map((s) => ({
        label: s.label, stroke: color(s.color), width: 1.5, points: { show: false },
        fill: s.color === 'mark' ? `${color('mark')}22` : undefined,
      }))],
    }, columns(plot, all), element);
    chart.current = u;
    const resized = new ResizeObserver(() => u.setSize({ width: Math.max(200, element.clientWidth), height: 130 }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      u.destroy();
    };
  }, [theme]);
  useEffect(() => chart.current?.setData(columns(plot, all)), [all]);
  const number = (n: number | null | undefined) => (n == null ? '–' : n >= 100 ? Math.round(n).toLocaleString('en') : String(Math.round(n * 10) / 10));
  return (
    <figure class="chart">
      <figcaption><b>{plot.title}</b>
        {plot.series.map((s) => (
          <span key={s.label}><i class={`key k-${s.color}`} />{s.label} {last ? number(s.value(last)) : '–'} {plot.unit}</span>
        ))}
      </figcaption>
      <div ref={box} role="img" aria-label={`${plot.title} over time`} />
    </figure>
  );
}

/** The name of a browser or program, from what it says of itself. */
function agentName(agent: string | null | undefined): string {
  if (!agent) return '';
  const m = /(Edg|OPR|Firefox|HeadlessChrome|Chrome|Version)\/(\d+)/.exec(agent);
  if (!m) return agent;
  const name = { Edg: 'Edge', OPR: 'Opera', HeadlessChrome: 'Chrome', Version: 'Safari' }[m[1]!] ?? m[1];
  return `${name} ${m[2]}${/Mobile/.test(agent) ? ', mobile' : ''}`;
}

function SettingRow({ s, changed }: { s: Setting; changed: (all: Setting[]) => void }) {
  const text = String(s.value ?? '');
  const [value, setValue] = useState(text);
  const name = s.section && !s.name.includes('.') ? `${s.section}.${s.name}` : s.name;
  const save = async (e: Event) => {
    e.preventDefault();
    if (!(await attempt(api.set({ [name]: value }).then(() => true)))) return;
    say(`${name} is now ${value || 'empty'}`);
    changed((await api.settings()).settings);
  };
  return (
    <tr>
      <th scope="row"><code>{name}</code><span class="note">{s.help}</span></th>
      <td>
        {s.editable && may.value.admin ? (
          <form class="row" onSubmit={save}>
            <input value={value} aria-label={name} onInput={(e) => setValue(e.currentTarget.value)} spellcheck={false} />
            <button type="submit" class="act small" disabled={value === text}>Set</button>
          </form>
        ) : <span>{text || '–'}</span>}
      </td>
      <td class="note">{s.range}</td>
    </tr>
  );
}

export function Machine() {
  const [performance, setPerformance] = useState<Performance>();
  const [sessions, setSessions] = useState<{ active?: number; sessions: Session[] }>();
  const [settings, setSettings] = useState<Setting[]>();
  const [fleet, setFleet] = useState<Fleet>();
  const readFleet = () => api.fleet().then(setFleet, () => {});
  const [words, setWords] = useState('');
  useEffect(() => {
    let stopped = false;
    const read = async (first: boolean) => {
      // A server that does not watch its machine says so; the queue is there all the same.
      const sent = await api.performance().catch(() => undefined);
      if (stopped || (!sent && link.peek() !== 'live')) return;
      const p: Performance = sent ?? {};
      setPerformance(p);
      if (first && p.history?.length && metrics.peek().length < p.history.length) metrics.value = p.history;
      addMetrics(p.now?.time ? p.now : fromJobs());
    };
    const who = () => void api.sessions().then((s) => { if (!stopped) setSessions(s); }, () => {});
    void read(true);
    who();
    void readFleet();
    void api.settings().then((s) => { if (!stopped) setSettings(s.settings); }, () => {});
    const timer = setInterval(() => {
      if (document.hidden) return;
      void read(false);
      who();
      void readFleet();
    }, 5000);
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, []);
  const all = metrics.value;
  // What limits the fleet stands in its section.
  const advice = performance?.recommendations?.filter((r) => !fleet?.head || r.text !== fleet.bottleneck?.text);
  const plots = PLOTS.filter((p) => all.some((r) => p.series.some((s) => s.value(r) != null)));
  const wanted = words.trim().toLowerCase();
  const rows = settings?.filter((s) => !wanted || `${s.section ?? ''}.${s.name} ${s.help ?? ''}`.toLowerCase().includes(wanted));
  return (
    <main class="machine" id="main">
      <h1>Machine</h1>
      {advice?.length ? <AdviceList all={advice} /> : null}
      {fleet?.head && <FleetSection fleet={fleet} changed={() => void readFleet()} />}
      <section class="charts">
        {plots.map((p) => <Chart key={p.title} plot={p} all={all} />)}
        {!plots.length && <p class="note">Nothing has been measured yet.</p>}
      </section>
      {performance?.now?.gpu?.length ? (
        <section><h2>GPUs</h2><ul class="gpus">
          {performance.now.gpu.map((g, i) => (
            <li key={i}><b>{g.name}</b> <span class="note">{g.memory_used != null && g.memory_total ? `${bytes(g.memory_used)} of ${bytes(g.memory_total)}` : ''}</span></li>
          ))}
        </ul></section>
      ) : null}
      <section>
        <h2>Connected <span class="n">{sessions?.active ?? sessions?.sessions.length ?? ''}</span></h2>
        <div class="scroll"><table>
          <thead><tr><th scope="col">Who</th><th scope="col">From</th><th scope="col">Since</th><th scope="col">With</th></tr></thead>
          <tbody>{sessions?.sessions.map((s) => (
            <tr key={s.id}><td>{s.user || '–'}</td><td>{s.address}</td><td>{when(s.since)}</td><td class="note" title={s.agent ?? undefined}>{agentName(s.agent)}</td></tr>
          ))}</tbody>
        </table></div>
      </section>
      {settings && (
        <section>
          <h2>Settings <span class="n">{settings.length}</span></h2>
          <p class="row"><input type="search" placeholder="Find a setting" aria-label="Find a setting" value={words} onInput={(e) => setWords(e.currentTarget.value)} />
            <span class="note">They apply to new jobs.</span></p>
          <div class="scroll"><table class="settings"><tbody>{rows?.map((s) => <SettingRow key={`${s.section}.${s.name}=${s.value}`} s={s} changed={setSettings} />)}</tbody></table></div>
        </section>
      )}
    </main>
  );
}
