import type { Call } from "../core/call-model";
import { floatedTrack } from "../core/shown";
import type { Floated } from "../core/shown";

/**
 * Floats one picture of the call above other windows. It has an element of its own, which no view owns: the picture goes on
 * while its tile is out of sight, another channel is in view, or the call goes over to another node.
 */
export class FloatingPicture {
  private readonly element = document.createElement("video");
  private floated: Floated | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly call: () => Call,
    private readonly trackOf: (mid: string) => MediaStreamTrack | undefined,
  ) {
    this.element.hidden = true;
    this.element.muted = true;
    this.element.playsInline = true;
    this.element.autoplay = true;
    this.element.addEventListener("leavepictureinpicture", () => this.change(undefined));
    document.body.append(this.element);
  }

  readonly getState = (): Floated | undefined => this.floated;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Within a click, or the browser refuses; then the picture stays where it is. */
  async float(floated: Floated): Promise<void> {
    this.change(floated);
    this.follow();
    try {
      await this.element.play();
      await this.element.requestPictureInPicture();
    } catch {
      if (this.floated === floated) this.end();
    }
  }

  end(): void {
    if (document.pictureInPictureElement === this.element) {
      void document.exitPictureInPicture().catch(() => undefined); // Closed meanwhile by its own button.
    }
    this.change(undefined);
  }

  /** The call has changed: shows what the picture is made of now, and ends with it. */
  follow(): void {
    if (!this.floated) return;
    const call = this.call();
    const track = call.phase === "idle" || !call.remote ? undefined : floatedTrack(call.remote, this.floated);
    // While the call reconnects its last state stands; a track without a section waits for one.
    if (!track) return this.end();
    const source = track.mid === undefined ? undefined : this.trackOf(track.mid);
    const shown = this.element.srcObject instanceof MediaStream ? this.element.srcObject.getVideoTracks()[0] : undefined;
    if (source && source !== shown) this.element.srcObject = new MediaStream([source]);
  }

  private change(floated: Floated | undefined): void {
    this.floated = floated;
    // It would go on decoding.
    if (!floated) this.element.srcObject = null;
    for (const listener of this.listeners) listener();
  }
}
