import { Component } from "react";
import type { ReactNode } from "react";
import { Mark } from "./icons";

/** What is shown when a view throws: better than an empty page. Drafts and unsent messages are kept. */
export class Rescue extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  render(): ReactNode {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <main className="starting">
        <Mark />
        <p role="alert">Something broke on this page. What you wrote is kept.</p>
        <button type="button" className="button primary" onClick={() => location.reload()}>Reload</button>
      </main>
    );
  }
}
