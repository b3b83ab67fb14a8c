import type { Call } from "../core/call-model";
import type { ClientFrame } from "../core/contracts";
import { viewOf } from "../core/shown";
import type { ShownPicture } from "../core/shown";

const measureMilliseconds = 500;
/** Heights are told in steps, so that a window that is being dragged tells a few and not hundreds. */
const heightStep = 60;
const heightLimit = 8_640;

/** W3C picture-in-picture, §4.5. */
interface FloatingEvent extends Event {
  pictureInPictureWindow: PictureInPictureWindow;
}

/**
 * Tells the media node which pictures of others are on the screen and how high, so that it sends no more than is seen.
 * It looks at the page rather than at what the views meant to lay out: what counts is what the person sees.
 */
export class CallViewReporter {
  private timer: ReturnType<typeof setInterval> | undefined;
  /** The last view that was told, as text. */
  private told: string | undefined;
  /** The window of the picture that floats. */
  private floating: PictureInPictureWindow | undefined;

  constructor(
    private readonly midOf: (track: MediaStreamTrack) => string | undefined,
    private readonly call: () => Call,
    private readonly send: (frame: ClientFrame) => void,
  ) {
    const report = () => this.report();
    // At once: timers of pages out of sight are slow, and whoever comes back looks at the pictures first.
    document.addEventListener("visibilitychange", report);
    document.addEventListener("enterpictureinpicture", (event) => {
      const { pictureInPictureWindow } = event as FloatingEvent;
      this.floating = pictureInPictureWindow;
      pictureInPictureWindow.onresize = report;
      this.report();
    });
    document.addEventListener("leavepictureinpicture", report);
  }

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
    const pictures: ShownPicture[] = [];
    for (const element of document.querySelectorAll("video")) {
      const [track] = element.srcObject instanceof MediaStream ? element.srcObject.getVideoTracks() : [];
      const mid = track && this.midOf(track);
      const shown = mid === undefined ? undefined : call.remote.tracks.find((remote) => remote.mid === mid);
      if (!shown) continue;
      const { participantID, source } = shown;
      pictures.push({
        participantID, source, tileHeight: heightOf(element), floatingHeight: this.floatingHeightOf(element),
        isPinned: element.closest("[data-pinned='true']") !== null,
      });
    }
    const tracks = viewOf(pictures, document.visibilityState === "visible");
    const text = JSON.stringify(tracks);
    if (text === this.told) return;
    this.told = text;
    this.send({ type: "callView", tracks });
  }

  private floatingHeightOf(element: HTMLVideoElement): number {
    return element === document.pictureInPictureElement && this.floating ? devicePixels(this.floating.height) : 0;
  }
}

/** 0 when no part of it is in the window. */
function heightOf(element: HTMLVideoElement): number {
  const { top, bottom, left, right, height } = element.getBoundingClientRect();
  const isSeen = height > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  return isSeen ? devicePixels(height) : 0;
}

function devicePixels(height: number): number {
  return Math.min(heightLimit, Math.ceil((height * devicePixelRatio) / heightStep) * heightStep);
}
