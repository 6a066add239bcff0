// SPDX-License-Identifier: Apache-2.0
// Times, sizes and counts for people.
import type { RecordingClock } from './types';

const two = (n: number) => String(n).padStart(2, '0');

/** 1:02:03, or 2:03 where there are no hours; to the nearest second, as in reports. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds + 0.5));
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** 01:02:03.456: to the millisecond, for tooltips. */
export function exact(seconds: number): string {
  const ms = Math.max(0, Math.floor(Math.round(seconds * 1e6) / 1000));
  const s = Math.floor(ms / 1000);
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}.${String(ms % 1000).padStart(3, '0')}`;
}

/** A length of time: 40 s, 12 min, 3 h 20 min. */
export function span(seconds: number): string {
  const s = Math.round(Math.max(0, seconds));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  const minutes = Math.round(s / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A length of time that may be less than a second: 0.4 s, 4.1 s, 40 s, 12 min. */
export const seconds = (n: number) => (n < 9.95 ? `${Number(Math.max(0, n).toPrecision(2))} s` : span(n));

export function bytes(n: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let u = 0;
  while (n >= 1000 && u < units.length - 1) {
    n /= 1000;
    u++;
  }
  return `${u && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[u]}`;
}

export const plural = (n: number, word: string, many = `${word}s`) => `${n.toLocaleString('en')} ${n === 1 ? word : many}`;

/** The time of day or the day, of a unix time. */
export function when(unix: number | null | undefined): string {
  if (!unix) return '';
  const d = new Date(unix * 1000), today = new Date().toDateString() === d.toDateString();
  return today
    ? d.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : d.toLocaleDateString([], { day: 'numeric', month: 'short', year: 'numeric' });
}

/** 2026-11-03 14:00:05, of a time of ISO 8601. */
export const moment = (iso: string) => iso.slice(0, 19).replace('T', ' ');

/** The time of day at t by the first clock that has one, in the first way to read its date; '' where none is known. */
export function wallTime(of: RecordingClock | null | undefined, t: number): string {
  for (const c of of?.clocks ?? []) {
    const pieces = c.readings[0]?.pieces ?? [], piece = [...pieces].reverse().find((p) => p.start <= t);
    if (!piece) continue;
    const at = new Date((piece.at + (t - piece.start) * piece.speed) * 1000);
    if (Number.isNaN(at.getTime())) continue;
    const iso = at.toISOString();
    return c.dated ? moment(iso) : iso.slice(11, 19);
  }
  return '';
}

/** Parses a time: 90, 1:30 or 1:01:30.5; undefined if it is none. */
export function parseClock(text: string): number | undefined {
  const parts = text.trim().split(':').map(Number);
  if (!text.trim() || parts.length > 3 || parts.some((n) => !Number.isFinite(n) || n < 0)) return undefined;
  return parts.reduce((sum, n) => sum * 60 + n, 0);
}

/** For comparison: lower case, without accents; the length stays the same. */
export function fold(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (c) => {
    const bare = c.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    return bare.length === 1 ? bare : c;
  }).toLowerCase();
}

/** A test for texts that have all of the words, in any order; case and accents are ignored. */
export function matcher(words: string): ((text: string) => boolean) | undefined {
  const wanted = fold(words).split(/\s+/).filter(Boolean);
  if (!wanted.length) return undefined;
  return (text) => {
    const folded = fold(text);
    return wanted.every((word) => folded.includes(word));
  };
}
