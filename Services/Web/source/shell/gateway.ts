import { backoffMilliseconds } from "../core/backoff";
import { closeActions } from "../core/contracts";
import type { CallFrame } from "../core/call-model";
import type { ClientFrame, EventFrame, Hello, ServerFrame } from "../core/contracts";
import { place } from "../core/frames";
import type { Session } from "./session";
import { GatewaySocket } from "./socket";
import type { Store } from "./store";

/** A connection that was current for this long starts the backoff anew. */
const stableMilliseconds = 10_000;

export interface GatewayListeners {
  onCallFrame: (frame: CallFrame) => void;
  /** The gateway knows the client on this socket: what a person says of themselves is said now. */
  onReady: (send: (frame: ClientFrame) => void) => void;
  /** The connection is another one, and nothing of the stream was missed. */
  onMoved: () => void;
}

/** Keeps one connection to a gateway for as long as it is started, and hands every event in order to the store. */
export class Gateway {
  /** What events arrive on, and frames are sent to. */
  private live: GatewaySocket | undefined;
  /** Made before `live` is broken, when its gateway goes away: takes its place as soon as it is current. */
  private next: GatewaySocket | undefined;
  private isStarted = false;
  private attempt = 0;
  private moveAttempt = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private moveTimer: ReturnType<typeof setTimeout> | undefined;
  private stableTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: Store, private readonly session: Session, private readonly address: string,
    private readonly listeners: GatewayListeners,
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

  /** The network may be back, or the page awake: connects at once if it waits, else asks whether the socket lives. */
  wake(): void {
    if (!this.isStarted) return;
    if (this.store.getState().connection.phase === "waiting") this.connect();
    else this.live?.suspect();
  }

  /** Sends a frame, or drops it while the socket is not open. */
  send(frame: ClientFrame): void {
    this.live?.send(frame);
  }

  // MARK: Connecting

  private connect(): void {
    this.drop();
    this.store.dispatch({ type: "connectionChanged", connection: { phase: "connecting", attempt: this.attempt } });
    this.live = this.open();
  }

  private open(): GatewaySocket {
    return new GatewaySocket(this.address, {
      onFrame: (socket, frame) => { if (this.isOurs(socket)) this.receive(socket, frame); },
      onClosed: (socket, code) => { if (this.isOurs(socket)) void this.closed(socket, code); },
    });
  }

  private isOurs(socket: GatewaySocket): boolean {
    return socket === this.live || socket === this.next;
  }

  private async identify(socket: GatewaySocket, hello: Hello): Promise<void> {
    socket.greet(hello);
    const token = await this.session.freshToken();
    if (!this.isOurs(socket)) return;
    if (token === undefined) return this.failed(socket);
    const cursors = Object.entries(this.store.getState().cursors).map(([stream, seq]) => ({ stream, seq }));
    socket.send({ type: "identify", token, cursors });
    if (socket === this.live) this.store.dispatch({ type: "connectionChanged", connection: { phase: "replaying" } });
  }

  private becameCurrent(socket: GatewaySocket): void {
    clearTimeout(this.stableTimer);
    this.stableTimer = setTimeout(() => { this.attempt = 0; }, stableMilliseconds);
    if (socket === this.next) {
      this.promote();
      this.listeners.onMoved();
    }
    this.store.dispatch({ type: "connectionChanged", connection: { phase: "current" } });
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

  private drop(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.stableTimer);
    this.dropNext();
    const socket = this.live;
    this.live = undefined;
    socket?.close();
  }

  // MARK: Moving to another gateway

  /** The gateway goes away: a second socket is opened while the first goes on. */
  private move(): void {
    if (this.next) return;
    this.next = this.open();
  }

  private moveAgain(): void {
    this.dropNext();
    const wait = backoffMilliseconds(this.moveAttempt, Math.random());
    this.moveAttempt += 1;
    this.moveTimer = setTimeout(() => this.move(), wait);
  }

  private promote(): void {
    const old = this.live;
    this.live = this.next;
    this.next = undefined;
    this.moveAttempt = 0;
    old?.close();
  }

  private dropNext(): void {
    clearTimeout(this.moveTimer);
    const socket = this.next;
    this.next = undefined;
    socket?.close();
  }

  // MARK: Receiving

  private receive(socket: GatewaySocket, frame: ServerFrame | EventFrame): void {
    const { dispatch } = this.store;
    switch (frame.type) {
      case "hello": return void this.identify(socket, frame);
      case "ready":
        dispatch({ type: "ready", frame });
        return this.listeners.onReady((own) => socket.send(own));
      case "reset": return dispatch({ type: "reset", frame });
      case "event": return this.receiveEvent(socket, frame);
      case "current": return this.becameCurrent(socket);
      // A new socket on a gateway that goes away too is of no use.
      case "move": return socket === this.next ? this.moveAgain() : this.move();
      case "presence": return dispatch({ type: "presence", frame });
      case "typing": return dispatch({ type: "typing", frame, now: Date.now() });
      case "callJoined":
      case "callFailed":
      case "callAnswer":
      case "callState":
      case "callSpeakers":
      case "callLayers":
      case "callEnded": return socket === this.live ? this.listeners.onCallFrame(frame) : undefined;
      case "heartbeat": return;
      default: {
        // Every frame has its case: a new one in the contracts is a type error here until it is handled.
        const unhandled: never = frame;
        return unhandled;
      }
    }
  }

  /** While there are two sockets both bring the events; the second of each is a duplicate. */
  private receiveEvent(socket: GatewaySocket, frame: EventFrame): void {
    const state = this.store.getState();
    switch (place(state.cursors, frame)) {
      case "next":
        this.store.dispatch({ type: "event", frame });
        if (frame.name === "session.revoked" && state.session.phase === "signedIn"
          && frame.data.sessionID === state.session.sessionID) this.session.end("You were signed out of this device.");
        return;
      case "gap":
        // What the old one lacks while moving, the new one brings.
        if (socket === this.live && this.next) return;
        return this.failed(socket);
      case "duplicate":
      case "unfollowed":
    }
  }

  // MARK: Closing

  private failed(socket: GatewaySocket): void {
    if (socket === this.next) this.moveAgain(); else this.retry();
  }

  /** What refuses the new one says nothing of the old one, which goes on: it is only tried again later. */
  private async moveRefused(action: "resume" | "refresh" | "stop"): Promise<void> {
    this.moveAgain();
    if (action === "refresh") await this.session.refresh();
  }

  private async closed(socket: GatewaySocket, code: number): Promise<void> {
    const action = closeActions[code] ?? "resume";
    if (socket === this.next && action !== "signIn") return this.moveRefused(action);
    // The old one went before the new one was current: the new one goes on in the open.
    if (socket === this.live && action === "resume" && this.next) {
      this.promote();
      this.store.dispatch({ type: "connectionChanged", connection: { phase: "replaying" } });
      return;
    }
    switch (action) {
      case "resume": return this.retry();
      case "refresh":
        this.drop();
        if (await this.session.refresh() !== "ended" && this.isStarted) this.retry();
        return;
      case "signIn": return this.session.end("Your session has ended. Sign in again to go on; your drafts are kept.");
      case "stop":
        this.drop();
        return this.store.dispatch({ type: "connectionChanged", connection: { phase: "stopped", code } });
    }
  }
}
