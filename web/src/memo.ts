// SPDX-License-Identifier: Apache-2.0
import { Component, h, type FunctionComponent } from 'preact';

/** Renders again only when a property changes. */
export function memo<P extends object>(view: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    shouldComponentUpdate(next: Record<string, unknown>) {
      const old = this.props as Record<string, unknown>;
      return Object.keys(next).some((key) => next[key] !== old[key]);
    }
    render() {
      return h(view, this.props as P & { key?: never });
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
