import type { ClientFrame, EventFrame, Hello, ServerFrame } from "../core/contracts";
import { parseFrame } from "../core/frames";

/** How long an answer may take. */
const answerMilliseconds = 10_000;
/** The same once there is reason to believe that the socket is dead. */
const suspicionMilliseconds = 3_000;
/** How often the clock is looked at. A look that comes much later than the last says that the page slept. */
const tickMilliseconds = 2_000;
const sleepMilliseconds = 10_000;

export interface SocketOwner {
  onFrame: (socket: GatewaySocket, frame: ServerFrame | EventFrame) => void;
  /** The socket is closed, by the gateway (with its code) or because nothing was heard of it (1006). Told once. */
  onClosed: (socket: GatewaySocket, code: number) => void;
}

/** One WebSocket to a gateway. It beats, and knows when it is dead: by silence, also after the page itself has slept. */
export class GatewaySocket {
  private readonly socket: WebSocket;
  private readonly ticker: ReturnType<typeof setInterval>;
  private beatMilliseconds = Infinity;
  private lastTick = Date.now();
  private lastBeat = Date.now();
  /** Until when something must be heard. */
  private deadline: number | undefined = Date.now() + answerMilliseconds;
  /** How often in a row it was asked after a sleep without a sign of it. */
  private doubts = 0;
  private isOver = false;

  constructor(address: string, private readonly owner: SocketOwner) {
    this.socket = new WebSocket(address);
    this.socket.onmessage = ({ data }) => this.receive(String(data));
    this.socket.onclose = ({ code }) => this.end(code);
    this.ticker = setInterval(() => this.tick(), tickMilliseconds);
  }

  /** Sends a frame, or drops it while the socket is not open: whoever needs an answer waits for `current`. */
  send(frame: ClientFrame): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  /** From now on a heartbeat is due at this interval. */
  greet(hello: Hello): void {
    this.beatMilliseconds = hello.heartbeatIntervalMilliseconds;
    this.expectAnswer(answerMilliseconds);
  }

  /** Asks whether the socket still lives; if no answer comes soon, it is over. */
  suspect(): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.beat();
    this.expectAnswer(suspicionMilliseconds);
  }

  /** Lets go of it; nothing of it is told any more. */
  close(): void {
    this.isOver = true;
    clearInterval(this.ticker);
    this.socket.close(1000);
  }

  private receive(text: string): void {
    if (this.isOver) return;
    this.deadline = undefined;
    this.doubts = 0;
    const frame = parseFrame(text);
    if (frame) this.owner.onFrame(this, frame);
  }

  private tick(): void {
    const now = Date.now();
    const hasSlept = now - this.lastTick > sleepMilliseconds;
    this.lastTick = now;
    // After a sleep what was due meanwhile says nothing, for frames may lie in wait: it is asked again, twice at most.
    if (hasSlept && this.doubts < 2) {
      this.doubts += 1;
      this.deadline = undefined;
      return this.suspect();
    }
    if (this.deadline !== undefined && now >= this.deadline) return this.end(1006);
    if (now - this.lastBeat >= this.beatMilliseconds) {
      this.beat();
      this.expectAnswer(answerMilliseconds);
    }
  }

  private beat(): void {
    this.lastBeat = Date.now();
    this.send({ type: "heartbeat" });
  }

  private expectAnswer(milliseconds: number): void {
    const deadline = Date.now() + milliseconds;
    this.deadline = Math.min(this.deadline ?? deadline, deadline);
  }

  private end(code: number): void {
    if (this.isOver) return;
    this.close();
    this.owner.onClosed(this, code);
  }
}
