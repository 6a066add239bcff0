'use strict';
// The page works without this. It adds: a filter over the events, and copying a time by a click on it.
(() => {
  const byId = (id) => document.getElementById(id);
  const toast = byId('toast'), list = byId('list'), form = byId('filter');
  let timer;

  const say = (text) => {
    toast.textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => { toast.textContent = ''; }, 1600);
  };

  // A page opened over plain HTTP from another machine has no clipboard interface; the old way still works there.
  const copyOldWay = (text) => {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'aside';
    document.body.append(field);
    field.select();
    const ok = document.execCommand('copy');
    field.remove();
    return ok;
  };
  const copy = async (text) => {
    let ok = false;
    try {
      await navigator.clipboard.writeText(text);
      ok = true;
    } catch {
      ok = copyOldWay(text);
    }
    say(ok ? 'Copied ' + text : 'Could not copy ' + text);
  };

  document.documentElement.classList.add('js');
  document.addEventListener('click', (event) => {
    const time = event.target.closest('time');
    if (!time || event.ctrlKey || event.metaKey || event.shiftKey || !getSelection().isCollapsed) return;
    const link = time.closest('a[href]');
    if (link) {
      event.preventDefault();
      if (link.closest('.when')) history.replaceState(null, '', link.getAttribute('href'));
      else location.hash = link.getAttribute('href');
    }
    copy(time.textContent);
  });

  // A frame inside closed details: older browsers do not open them by themselves.
  const reveal = () => {
    const target = location.hash.length > 1 && byId(location.hash.slice(1));
    if (!target) return;
    if (target.hidden) show('');
    const details = target.closest('details');
    if (details && !details.open) details.open = true;
    target.scrollIntoView({ block: 'nearest' });
  };

  let rows;
  const show = (words) => {
    rows ??= Array.from(list.children, (row) => ({ row, text: row.textContent.toLowerCase() }));
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const { row, text } of rows) {
      const fits = wanted.every((word) => text.includes(word));
      if (row.hidden === fits) row.hidden = !fits;
      n += fits;
    }
    if (byId('q').value !== words) byId('q').value = words;
    byId('found').textContent = wanted.length ? n + ' of ' + rows.length : '';
  };
  if (form) {
    let pending;
    form.hidden = false;
    form.addEventListener('submit', (event) => event.preventDefault());
    byId('q').addEventListener('input', (event) => {
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(() => show(event.target.value));
    });
  }
  addEventListener('hashchange', reveal);
  reveal();
})();
