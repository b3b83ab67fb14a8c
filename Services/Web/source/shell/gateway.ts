import { backoffMilliseconds } from "../core/backoff";
import { closeActions } from "../core/contracts";
import type { CallFrame } from "../core/call-model";
import type { ClientFrame, EventFrame, Hello } from "../core/contracts";
import { parseFrame, place } from "../core/frames";
import type { Session } from "./session";
import type { Store } from "./store";

/** How long a heartbeat may go unanswered. */
const answerMilliseconds = 10_000;
/** A connection that was current for this long starts the backoff anew. */
const stableMilliseconds = 10_000;

/** Owns the WebSocket: keeps one open for as long as it is started, and hands every event in order to the store. */
export class Gateway {
  private socket: WebSocket | undefined;
  private isStarted = false;
  private attempt = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private beatTimer: ReturnType<typeof setInterval> | undefined;
  private answerTimer: ReturnType<typeof setTimeout> | undefined;
  private stableTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: Store, private readonly session: Session, private readonly address: string,
    private readonly onCallFrame: (frame: CallFrame) => void,
  ) {}

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.attempt = 0;
    this.connect();
  }

  stop(): void {
    if (!this.isStarted) return;
    this.isStarted = false;
    this.drop();
    this.store.dispatch({ type: "connectionChanged", connection: { phase: "idle" } });
  }

  /** The network may be back: connects at once if it waits, and otherwise asks whether the socket still lives. */
  wake(): void {
    const { phase } = this.store.getState().connection;
    if (phase === "waiting") this.connect();
    if (phase === "current") this.beat();
  }

  private connect(): void {
    this.drop();
    this.store.dispatch({ type: "connectionChanged", connection: { phase: "connecting", attempt: this.attempt } });
    const socket = new WebSocket(this.address);
    this.socket = socket;
    // Events of a socket that was given up arrive late: each handler asks whether it is still the one.
    socket.onmessage = ({ data }) => { if (socket === this.socket) this.receive(String(data)); };
    socket.onclose = ({ code, reason }) => { if (socket === this.socket) void this.closed(code, reason); };
    this.expectAnswer();
  }

  private receive(text: string): void {
    this.answered();
    const frame = parseFrame(text);
    switch (frame?.type) {
      case "hello": return void this.identify(frame);
      case "ready": return this.store.dispatch({ type: "ready", frame });
      case "reset": return this.store.dispatch({ type: "reset", frame });
      case "event": return this.receiveEvent(frame);
      case "current": return this.becameCurrent();
      case "callJoined":
      case "callFailed":
      case "callAnswer":
      case "callState":
      case "callSpeakers":
      case "callEnded": return this.onCallFrame(frame);
      case "heartbeat":
      case undefined:
    }
  }

  private receiveEvent(frame: EventFrame): void {
    const state = this.store.getState();
    switch (place(state.cursors, frame)) {
      case "next":
        this.store.dispatch({ type: "event", frame });
        if (frame.name === "session.revoked" && state.session.phase === "signedIn"
          && frame.data.sessionID === state.session.sessionID) this.session.end("You were signed out of this device.");
        return;
      case "gap": return this.retry();
      case "duplicate":
      case "unfollowed":
    }
  }

  private async identify(hello: Hello): Promise<void> {
    const socket = this.socket;
    this.beatTimer = setInterval(() => this.beat(), hello.heartbeatIntervalMilliseconds);
    const token = await this.session.freshToken();
    if (socket !== this.socket || !this.isStarted) return;
    if (token === undefined) return this.retry();
    const cursors = Object.entries(this.store.getState().cursors).map(([stream, seq]) => ({ stream, seq }));
    this.send({ type: "identify", token, cursors });
    this.store.dispatch({ type: "connectionChanged", connection: { phase: "replaying" } });
    this.expectAnswer();
  }

  private becameCurrent(): void {
    this.store.dispatch({ type: "connectionChanged", connection: { phase: "current" } });
    this.stableTimer = setTimeout(() => { this.attempt = 0; }, stableMilliseconds);
  }

  private async closed(code: number, reason: string): Promise<void> {
    switch (closeActions[code] ?? "resume") {
      case "resume": return this.retry();
      case "refresh":
        this.drop();
        if (await this.session.refresh() !== "ended" && this.isStarted) this.retry();
        return;
      case "signIn": return this.session.end("Your session has ended. Sign in again to go on; your drafts are kept.");
      case "stop":
        this.drop();
        return this.store.dispatch({ type: "connectionChanged", connection: { phase: "stopped", reason } });
    }
  }

  /** Connects again after a jittered wait. Cursors say where to go on, so nothing else is kept. */
  private retry(): void {
    this.drop();
    const wait = backoffMilliseconds(this.attempt, Math.random());
    const attempt = this.attempt;
    this.attempt += 1;
    this.store.dispatch({
      type: "connectionChanged", connection: { phase: "waiting", attempt, retryAt: Date.now() + wait },
    });
    this.retryTimer = setTimeout(() => this.connect(), wait);
  }

  private beat(): void {
    this.send({ type: "heartbeat" });
    this.expectAnswer();
  }

  /** Sends a frame, or drops it while the socket is not open: whoever needs an answer waits for `current`. */
  send(frame: ClientFrame): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private expectAnswer(): void {
    this.answerTimer ??= setTimeout(() => this.retry(), answerMilliseconds);
  }

  private answered(): void {
    clearTimeout(this.answerTimer);
    this.answerTimer = undefined;
  }

  private drop(): void {
    this.answered();
    clearTimeout(this.retryTimer);
    clearTimeout(this.stableTimer);
    clearInterval(this.beatTimer);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close(1000);
  }
}

