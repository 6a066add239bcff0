// SPDX-License-Identifier: Apache-2.0
// The chunks of a job as dots: done, running, hole, to do. Four paths, however many there are.
import { memo } from './memo';

const KINDS = ['.', 'd', 'r', 'h'] as const;
const NAMES: Record<string, string> = { '.': 'todo', d: 'done', r: 'running', h: 'hole' };

/** More than fit are drawn in groups; a group shows its worst state. */
const MOST = 240;
const WORST = '.drh';

function group(states: string): string {
  if (states.length <= MOST) return states;
  let out = '';
  for (let i = 0; i < MOST; i++) {
    const part = states.slice(Math.floor((i * states.length) / MOST), Math.floor(((i + 1) * states.length) / MOST));
    // A group is done only when all of it is.
    let worst = part.includes('.') ? '.' : 'd';
    for (const c of part) if (c !== 'd' && WORST.indexOf(c) > WORST.indexOf(worst)) worst = c;
    out += worst;
  }
  return out;
}

export const Dots = memo(({ states, label }: { states: string; label: string }) => {
  const all = group(states);
  const columns = Math.min(all.length, all.length > 60 ? 60 : 30), rows = Math.ceil(all.length / Math.max(1, columns));
  const size = 10, dot = 7;
  const paths = KINDS.map((kind) => {
    let d = '';
    for (let i = 0; i < all.length; i++)
      if (all[i] === kind) d += `M${(i % columns) * size} ${Math.floor(i / columns) * size}h${dot}v${dot}h-${dot}z`;
    return d && <path key={kind} class={`dot-${NAMES[kind]}`} d={d} />;
  });
  return (
    <svg class="dots" role="img" aria-label={label} viewBox={`0 0 ${Math.max(columns, 30) * size} ${rows * size}`}>{paths}</svg>
  );
});
