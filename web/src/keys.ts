// SPDX-License-Identifier: Apache-2.0
// Keyboard shortcuts: one table, shown by the help dialog. A view adds its own while it is shown.

export interface Shortcut {
  /** As in KeyboardEvent.key. */
  keys: string[];
  help: string;
  /** Its label, if the name of the key is not clear. */
  label?: string;
  run: (event: KeyboardEvent) => void;
}

const layers: { title: string; list: Shortcut[] }[] = [];

export const shortcuts = (): readonly { title: string; list: Shortcut[] }[] => layers;

export function addShortcuts(title: string, list: Shortcut[]): () => void {
  const layer = { title, list };
  layers.push(layer);
  return () => {
    layers.splice(layers.indexOf(layer), 1);
  };
}

/** Not in text fields and open dialogs; the controls of a video take arrows and the space bar. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  if (document.querySelector('dialog[open]')) return true;
  const target = event.target as HTMLElement;
  if (target.closest('input:not([type=checkbox]), textarea, select, [contenteditable]')) return true;
  return [' ', 'Enter'].includes(event.key) && !!target.closest('a, button, summary, [role=option], input');
}

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || isTaken(event)) return;
  for (let i = layers.length - 1; i >= 0; i--) {
    const hit = layers[i]!.list.find((s) => s.keys.includes(event.key));
    if (!hit) continue;
    event.preventDefault();
    hit.run(event);
    return;
  }
});
