import type { Call } from "../core/call-model";
import type { CallViewTrack, ClientFrame } from "../core/contracts";

const measureMilliseconds = 500;
/** Heights are told in steps, so that a window that is being dragged tells a few and not hundreds. */
const heightStep = 60;
const heightLimit = 8_640;

/**
 * Tells the media node which pictures of others are on the screen and how high, so that it sends no more than is seen.
 * It looks at the page rather than at what the views meant to lay out: what counts is what the person sees.
 */
export class CallViewReporter {
  private timer: ReturnType<typeof setInterval> | undefined;
  /** The last view that was told, as text. */
  private told: string | undefined;

  constructor(
    private readonly midOf: (track: MediaStreamTrack) => string | undefined,
    private readonly call: () => Call,
    private readonly send: (frame: ClientFrame) => void,
  ) {}

  start(): void {
    this.forget();
    this.timer ??= setInterval(() => this.report(), measureMilliseconds);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** The next view is told whatever was told before. */
  forget(): void {
    this.told = undefined;
  }

  private report(): void {
    const call = this.call();
    if (call.phase === "idle" || call.seat !== "held" || call.media !== "up" || call.moving || !call.remote) return;
    const tracks: CallViewTrack[] = [];
    for (const element of document.querySelectorAll("video")) {
      const [track] = element.srcObject instanceof MediaStream ? element.srcObject.getVideoTracks() : [];
      const mid = track && this.midOf(track);
      const shown = mid === undefined ? undefined : call.remote.tracks.find((remote) => remote.mid === mid);
      const height = heightOf(element);
      if (!shown || height === 0) continue;
      const { participantID, source } = shown;
      const earlier = tracks.find((one) => one.participantID === participantID && one.source === source);
      if (earlier) earlier.height = Math.max(earlier.height, height);
      else tracks.push({ participantID, source, height, isPinned: false });
    }
    const text = JSON.stringify(tracks);
    if (text === this.told) return;
    this.told = text;
    this.send({ type: "callView", tracks });
  }
}

/** In device pixels; 0 when no part of it is in the window. */
function heightOf(element: HTMLVideoElement): number {
  const { top, bottom, left, right, height } = element.getBoundingClientRect();
  const isSeen = height > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  if (!isSeen) return 0;
  return Math.min(heightLimit, Math.ceil((height * devicePixelRatio) / heightStep) * heightStep);
}
