// SPDX-License-Identifier: Apache-2.0
// Recommendations of the server, each with what to do.
import type { Advice } from './types';

export function AdviceList({ all }: { all: Advice[] }) {
  return (
    <section aria-label="Recommendations"><ul class="advice">
      {all.map((r) => (
        <li key={r.text} class={r.level ?? 'info'}><p>{r.text}</p>{r.action && <p class="note">{r.action}</p>}</li>
      ))}
    </ul></section>
  );
}
