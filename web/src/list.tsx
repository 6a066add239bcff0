// SPDX-License-Identifier: Apache-2.0
// A long list of which only the visible rows are rendered. Rows may have any height; it is measured when they appear.
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks';

export interface ListHandle {
  show: (index: number, smooth?: boolean) => void;
}

interface Props {
  count: number;
  estimate: number;
  label: string;
  keyOf: (index: number) => string | number;
  row: (index: number) => ComponentChildren;
  handle?: (handle: ListHandle) => void;
  /** The user scrolled: following the player stops. */
  onUserScroll?: () => void;
}

export function LongList({ count, estimate, label, keyOf, row, handle, onUserScroll }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const virtual = useRef<Virtualizer<HTMLDivElement, HTMLElement> | undefined>(undefined);
  const options = {
    count,
    estimateSize: () => estimate,
    getItemKey: keyOf,
    getScrollElement: () => box.current,
    overscan: 6,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(0),
  };
  virtual.current ??= new Virtualizer<HTMLDivElement, HTMLElement>(options);
  virtual.current.setOptions({ ...virtual.current.options, ...options });
  const v = virtual.current;
  useLayoutEffect(() => v._didMount(), []);
  useLayoutEffect(() => v._willUpdate());
  useEffect(() => {
    handle?.({
      show: (index, smooth) => v.scrollToIndex(index, { align: 'center', behavior: smooth ? 'smooth' : 'auto' }),
    });
  }, []);
  const items = v.getVirtualItems();
  return (
    <div class="long" ref={box} tabIndex={0} role="list" aria-label={label} onWheel={onUserScroll} onTouchMove={onUserScroll}>
      <div class="long-all" style={{ height: `${v.getTotalSize()}px` }}>
        {items.map((item) => (
          <div
            key={item.key}
            role="listitem"
            aria-setsize={count}
            aria-posinset={item.index + 1}
            data-index={item.index}
            class="long-row"
            ref={v.measureElement}
            style={{ transform: `translateY(${item.start}px)` }}
          >
            {row(item.index)}
          </div>
        ))}
      </div>
    </div>
  );
}
