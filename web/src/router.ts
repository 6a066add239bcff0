// SPDX-License-Identifier: Apache-2.0
// The route, after the # of the address: #/, #/video/JOB?t=12.5, #/cases, #/cases/ID, #/machine, #/search?q=words
import { computed, signal } from '@preact/signals';

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export interface Route {
  view: string;
  id: string;
  params: URLSearchParams;
}

export const route = computed<Route>(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?');
  const [view = '', id = ''] = path.split('/');
  let name = id;
  try {
    name = decodeURIComponent(id);
  } catch {
    // Not a link of this page; no job has that id, and the view says so.
  }
  // Links of older versions.
  const named = view === 'case' ? 'video' : view;
  return { view: named || 'board', id: name, params: new URLSearchParams(query) };
});

export function videoHref(job: string, t?: number, panel?: string): string {
  const params = new URLSearchParams();
  if (t !== undefined) params.set('t', String(t));
  if (panel) params.set('panel', panel);
  const query = params.toString();
  return `#/video/${encodeURIComponent(job)}${query ? `?${query}` : ''}`;
}

export const caseHref = (id: string) => `#/cases/${encodeURIComponent(id)}`;

export function go(href: string, replace = false) {
  if (replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  hash.value = location.hash;
}

addEventListener('popstate', () => {
  hash.value = location.hash;
});
