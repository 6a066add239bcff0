// SPDX-License-Identifier: Apache-2.0
// The storyboard: small pictures over time, on sheets; a WebVTT file has their times and positions.
import { storyboardUrl } from './api';

export interface Tile {
  from: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const seconds = (text: string) => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);

/** Cues of "SHEET.jpg#xywh=X,Y,W,H"; all others are ignored. */
export function parseStoryboard(vtt: string, base: string): Tile[] {
  const tiles: Tile[] = [];
  for (const block of vtt.split(/\r?\n\r?\n/)) {
    const cue = /([\d:.]+)\s+-->\s+[\d:.]+[^\n]*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/.exec(block);
    if (!cue) continue;
    const [x, y, width, height] = cue.slice(3).map(Number) as [number, number, number, number];
    const url = new URL(cue[2]!, base);
    if (url.origin === location.origin) tiles.push({ from: seconds(cue[1]!), url: url.href, x, y, width, height });
  }
  return tiles;
}

/** Empty if the server has none. */
export async function loadStoryboard(video: string): Promise<Tile[]> {
  const url = new URL(storyboardUrl(video), location.href).href;
  const response = await fetch(url);
  return response.ok ? parseStoryboard(await response.text(), url) : [];
}

export function tileAt(tiles: Tile[], t: number): Tile | undefined {
  let low = 0, high = tiles.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (tiles[mid]!.from <= t) low = mid + 1;
    else high = mid;
  }
  return tiles[Math.max(0, low - 1)];
}
