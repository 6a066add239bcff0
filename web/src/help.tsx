// SPDX-License-Identifier: Apache-2.0
// The help dialog with all keys.
import { useEffect, useRef } from 'preact/hooks';
import { shortcuts } from './keys';

const TIMELINE = [['+ −', 'zoom'], ['0', 'show all'], ['← →', 'a hundredth of the visible range'], ['Home End', 'begin, end']] as const;

export function Help({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close}
      onClick={(e) => { if (e.target === dialog.current) dialog.current?.close(); }}>
      <div>
        <h2 id="help-title">Keys</h2>
        <div class="key-groups">
          {shortcuts().map((layer) => (
            <section key={layer.title}>
              <h3>{layer.title}</h3>
              <dl>{layer.list.map((s) => <div key={s.help}><dt><kbd>{s.label ?? s.keys[0]}</kbd></dt><dd>{s.help}</dd></div>)}</dl>
            </section>
          ))}
          <section>
            <h3>On the timeline</h3>
            <dl>{TIMELINE.map(([k, help]) => <div key={help}><dt><kbd>{k}</kbd></dt><dd>{help}</dd></div>)}
              <div><dt>wheel</dt><dd>zoom; with Shift: scroll</dd></div>
              <div><dt>two fingers</dt><dd>zoom</dd></div></dl>
          </section>
        </div>
        <p class="note">The model is sent single frames, not the video: the ticks in the lane “Seen”. A hole is a part that could not be described; nothing is known about it.</p>
        <p class="note"><a href="licenses.txt" target="_blank" rel="noopener">Licenses</a> of the libraries in this page · <a href="api/v1/openapi.json" target="_blank" rel="noopener">the API</a></p>
        <button type="button" class="act" onClick={() => dialog.current?.close()}>Close</button>
      </div>
    </dialog>
  );
}
