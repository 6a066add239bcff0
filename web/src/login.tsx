// SPDX-License-Identifier: Apache-2.0
// The login form, shown when the server requires a login.
import { useState } from 'preact/hooks';
import { api } from './api';

export function Login({ done }: { done: () => void }) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      await api.login(String(form.get('user') ?? '').trim(), String(form.get('password') ?? ''));
      done();
    } catch (fault) {
      setError(fault instanceof Error ? fault.message : String(fault));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login" id="main">
      <form onSubmit={submit}>
        <h1>Video Detective</h1>
        <label for="user">Name; empty for a token</label>
        <input id="user" name="user" autocomplete="username" autofocus />
        <label for="password">Password, or token</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required />
        {error && <p class="fault" role="alert">{error}</p>}
        <button type="submit" class="primary" disabled={busy}>{busy ? 'One moment…' : 'Log in'}</button>
      </form>
    </main>
  );
}
