// SPDX-License-Identifier: Apache-2.0
// The frame of the page, and the view in it.
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { signal } from '@preact/signals';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { api } from './api';
import { Board, chooseFiles } from './board';
import { Cases, CaseView } from './cases';
import { VideoView } from './video';
import { Help } from './help';
import { addShortcuts } from './keys';
import { start } from './live';
import { Login } from './login';
import { Machine } from './machine';
import { go, route } from './router';
import { Search } from './search';
import { dismiss, jobs, link, loaded, may, me, needLogin, retryAt, toasts } from './state';
import { addFiles } from './uploads';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const theme = signal<Theme>((document.documentElement.dataset.theme as Theme | undefined) ?? 'auto');

function setTheme(to: Theme) {
  theme.value = to;
  if (to === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = to;
  try {
    localStorage.setItem('vdet-theme', to);
  } catch {
    // Storage is switched off: it holds for this page.
  }
}
const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!);

const helpOpen = signal(false);

function LinkState() {
  const [, tick] = useState(0);
  const lost = link.value === 'lost';
  useEffect(() => {
    if (!lost) return undefined;
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, [lost]);
  const seconds = Math.max(0, Math.ceil((retryAt.value - Date.now()) / 1000));
  const text = { live: 'live', connecting: 'connecting…', lost: 'no connection' }[link.value];
  // Not for screen readers, which would read out the countdown.
  return (
    <span class={`link ${link.value}`} data-link={link.value}><i aria-hidden="true" /><span role="status">{text}</span>
      {lost && seconds > 1 && <span aria-hidden="true">again in {seconds} s</span>}</span>
  );
}

function Bar() {
  const { view, params } = route.value;
  const nav = (name: string, text: string, href: string) => <a href={href} aria-current={view === name ? 'page' : undefined}>{text}</a>;
  const onSearch = (text: string) => {
    const href = text ? `#/search?q=${encodeURIComponent(text)}` : '#/';
    go(href, view === 'search');
  };
  return (
    <header class="bar">
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        const main = document.querySelector('main');
        if (main) main.tabIndex = -1;
        main?.focus();
      }}>Skip to content</a>
      <a class="brand" href="#/"><svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="14" cy="14" r="8.5" /><path d="M20.5 20.5 28 28" /><path class="play" d="M11.5 10v8l6.5-4z" /></svg><span>Video Detective</span></a>
      <nav aria-label="Views">{nav('board', 'Board', '#/')}{nav('cases', 'Cases', '#/cases')}{nav('machine', 'Machine', '#/machine')}</nav>
      <form role="search" onSubmit={(e) => e.preventDefault()}>
        <input id="search" type="search" placeholder="Search all videos" aria-label="Search all videos" autocomplete="off" spellcheck={false}
          value={view === 'search' ? (params.get('q') ?? '') : ''}
          onInput={(e) => onSearch(e.currentTarget.value)}
          onKeyDown={(e) => { if (e.key === 'Escape') e.currentTarget.blur(); }} />
      </form>
      <LinkState />
      <button type="button" class="plain" onClick={nextTheme} title={`Theme: ${theme.value} (t)`} aria-label={`Theme: ${theme.value}. Change it`}>
        {{ auto: '◐', light: '☀', dark: '☾' }[theme.value]}
      </button>
      <button type="button" class="plain" onClick={() => { helpOpen.value = true; }} title="Keys (?)" aria-label="Keys and help">?</button>
      {me.value?.auth && <button type="button" class="plain wide" onClick={() => void api.logout().then(() => location.reload())}>Log out</button>}
    </header>
  );
}

/** Files may be dropped on any view. */
function useDrop(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = (e: DragEvent) => !!e.dataTransfer?.types.includes('Files') && may.peek().submit;
    const enter = (e: DragEvent) => {
      if (!hasFiles(e)) return;
      e.preventDefault();
      depth++;
      setOver(true);
    };
    const hover = (e: DragEvent) => { if (hasFiles(e)) e.preventDefault(); };
    const leave = () => {
      depth = Math.max(0, depth - 1);
      if (!depth) setOver(false);
    };
    const drop = (e: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!hasFiles(e)) return;
      e.preventDefault();
      addFiles([...(e.dataTransfer?.files ?? [])]);
      if (route.peek().view !== 'board') go('#/');
    };
    const all: [string, (e: any) => void][] = [['dragenter', enter], ['dragover', hover], ['dragleave', leave], ['drop', drop]];
    for (const [name, f] of all) addEventListener(name, f);
    return () => { for (const [name, f] of all) removeEventListener(name, f); };
  }, []);
  return over;
}

function View() {
  const { view, id, params } = route.value;
  switch (view) {
    case 'video': return <VideoView key={id} id={id} />;
    case 'cases': return id ? <CaseView key={id} id={id} /> : <Cases />;
    case 'machine': return <Machine />;
    case 'search': return <Search q={params.get('q') ?? ''} />;
    case 'board': return <Board />;
    default: return <main class="lone" id="main"><h1>Nothing here</h1><p><a href="#/">To the board</a></p></main>;
  }
}

function App() {
  const over = useDrop();
  const { view, id } = route.value;
  useEffect(() => addShortcuts('Everywhere', [
    { keys: ['/'], help: 'search all videos', run: () => document.getElementById('search')?.focus() },
    { keys: ['b'], help: 'board', run: () => go('#/') },
    { keys: ['c'], help: 'cases', run: () => go('#/cases') },
    { keys: ['m'], help: 'machine', run: () => go('#/machine') },
    { keys: ['u'], help: 'choose files', run: () => { go('#/'); requestAnimationFrame(chooseFiles); } },
    { keys: ['t'], help: 'light, dark, as the system', run: nextTheme },
    { keys: ['?'], help: 'this help', run: () => { helpOpen.value = true; } },
  ]), []);
  const running = [...jobs.value.values()].filter((j) => j.state === 'running');
  const named = view === 'video' ? jobs.value.get(id)?.name : undefined;
  const share = running.length === 1 && running[0]!.progress ? `${Math.round(running[0]!.progress * 100)} % ` : '';
  useEffect(() => {
    document.body.dataset.view = view;
  }, [view]);
  useEffect(() => {
    document.title = `${share}${named ? `${named} · ` : ''}Video Detective`;
  }, [share, named]);
  if (needLogin.value) return <Login done={() => { needLogin.value = false; void begin(); }} />;
  return (
    <>
      <Bar />
      {loaded.value || link.value !== 'lost' ? <View />
        : <main class="lone" id="main"><h1>No connection</h1><p>The server does not respond. This page reconnects on its own.</p></main>}
      {over && <div class="drop" aria-hidden="true"><p>Drop to upload and analyze</p></div>}
      <div class="toasts" role="status" aria-live="polite">
        {toasts.value.map((t) => (
          <p key={t.id} class={t.bad ? 'bad' : ''}><span dir="auto">{t.text}</span>
            <button type="button" aria-label="Dismiss" onClick={() => dismiss(t.id)}>×</button></p>
        ))}
      </div>
      {helpOpen.value && <Help close={() => { helpOpen.value = false; }} />}
    </>
  );
}

async function begin() {
  try {
    me.value = await api.me();
  } catch {
    // Not logged in: the form is shown. No connection: live.ts keeps trying.
    if (needLogin.value) return;
  }
  await start();
}

const root = document.getElementById('app')!;
root.textContent = '';
render(<App />, root);
void begin();
