import type { CallSource, UserID } from "../core/contracts";
import type { TalkMode } from "../core/voiceGate";
import { keepCallChoices, readCallChoices } from "./keepsakes";
import type { CallChoices } from "./keepsakes";
import type { LocalTracks } from "./peerConnection";
import { VoiceGate } from "./voiceGate";

export type DeviceSource = "microphone" | "camera";

/** What there is to send, and from where. */
export interface LocalState {
  tracks: LocalTracks;
  /** What the person wants on; what is on has a track besides. */
  wants: Readonly<Record<DeviceSource, boolean>>;
  /** Why there is no track, for a person. */
  problems: Readonly<Partial<Record<DeviceSource | "screen", string>>>;
  isOpening: boolean;
  microphones: readonly MediaDeviceInfo[];
  cameras: readonly MediaDeviceInfo[];
  speakers: readonly MediaDeviceInfo[];
  choices: CallChoices;
}

const closedState = {
  tracks: {}, wants: { microphone: false, camera: false }, problems: {}, isOpening: false,
} as const;

/**
 * Owns microphone, camera and screen. A camera that is off is let go, so that its light goes out; a muted microphone
 * is kept, so that speaking again is instant.
 */
export class LocalMedia {
  private state: LocalState = {
    ...closedState, microphones: [], cameras: [], speakers: [], choices: readCallChoices(),
  };
  private readonly listeners = new Set<() => void>();
  private readonly gate = new VoiceGate(() => this.gateChanged());
  /** Counts what was asked for of each source: an answer of the browser to an earlier wish is let go. */
  private readonly wishes = { microphone: 0, camera: 0, screen: 0 };

  constructor() {
    if (hasDevices()) navigator.mediaDevices.addEventListener("devicechange", () => void this.listDevices());
  }

  readonly getState = (): LocalState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The sources that are on. */
  active(): CallSource[] {
    const { tracks, wants } = this.state;
    const sources: CallSource[] = ["microphone", "camera", "screen", "screenAudio"];
    return sources.filter((source) =>
      tracks[source] !== undefined && (source === "microphone" || source === "camera" ? wants[source] : true));
  }

  /** What the others get: of a gated microphone what comes through the gate. */
  sent(): LocalTracks {
    const { tracks, choices } = this.state;
    if (choices.talkMode !== "gate") return tracks;
    const { microphone: _, ...others } = tracks;
    const gated = this.gate.track;
    return gated ? { ...others, microphone: gated } : others;
  }

  /** Opens what the person likes to join with, unless they wish otherwise this time, asking for both devices at once. */
  async open(wish: { isCameraOn?: boolean } = {}): Promise<void> {
    const { isMicrophoneOn, isCameraOn } = { ...this.state.choices, ...wish };
    const pushToTalk = this.state.choices.talkMode === "key";
    this.change({ wants: { microphone: isMicrophoneOn && !pushToTalk, camera: isCameraOn }, problems: {} });
    // With push to talk the microphone is opened and muted, so that the key works at once.
    const wanted = (["microphone", "camera"] as const).filter((source) =>
      (this.state.wants[source] || (source === "microphone" && pushToTalk)) && !this.state.tracks[source]);
    await this.acquire(wanted);
  }

  async turn(source: DeviceSource, isOn: boolean): Promise<void> {
    this.choose(source === "microphone" ? { isMicrophoneOn: isOn } : { isCameraOn: isOn });
    const track = this.state.tracks[source];
    this.change({ wants: { ...this.state.wants, [source]: isOn }, problems: { ...this.state.problems, [source]: undefined } });
    if (source === "microphone" && track) {
      track.enabled = isOn;
    } else if (isOn && !track) {
      await this.acquire([source]);
    } else if (!isOn) {
      this.wishes[source] += 1;
      this.drop(source);
    }
  }

  /** Speaks or is silent for the moment: what the person likes to join with stays as it is. */
  talk(isOn: boolean): void {
    const { microphone } = this.state.tracks;
    if (microphone) microphone.enabled = isOn;
    this.change({ wants: { ...this.state.wants, microphone: isOn } });
    if (isOn && !microphone) void this.acquire(["microphone"]);
  }

  /** Takes another device, at once if the source is open. */
  async chooseDevice(source: DeviceSource, deviceID: string): Promise<void> {
    this.choose(source === "microphone" ? { microphoneID: deviceID } : { cameraID: deviceID });
    if (this.state.tracks[source]) await this.acquire([source]);
  }

  chooseSpeaker(speakerID: string): void {
    this.choose({ speakerID });
  }

  chooseRelay(relayOnly: boolean): void {
    this.choose({ relayOnly });
  }

  /** Whoever begins to push to talk is silent until they do. */
  chooseTalkMode(talkMode: TalkMode): void {
    const former = this.state.choices.talkMode;
    const { problem } = this.gate;
    this.choose({ talkMode });
    if (problem !== undefined && talkMode !== "gate" && this.state.problems.microphone === problem) {
      this.change({ problems: { ...this.state.problems, microphone: undefined } });
    }
    // Between the other two nothing is turned on: a moderator may have turned it off.
    if (talkMode === "key" || former === "key") this.talk(talkMode !== "key" && this.state.choices.isMicrophoneOn);
  }

  chooseThreshold(gateThreshold: number): void {
    this.choose({ gateThreshold });
  }

  chooseTalkKey(talkKey: string): void {
    this.choose({ talkKey });
  }

  chooseVolume(userID: UserID, volume: number): void {
    this.choose({ volumes: { ...this.state.choices.volumes, [userID]: volume } });
  }

  /** The browser asks the person what to share; nothing happens if the person thinks better of it. */
  async shareScreen(): Promise<void> {
    const wish = ++this.wishes.screen;
    this.change({ problems: { ...this.state.problems, screen: undefined } });
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true });
      const [screen] = stream.getVideoTracks();
      if (wish !== this.wishes.screen || !screen) return stopAll(stream);
      screen.contentHint = "detail";
      this.put("screen", screen);
      const [screenAudio] = stream.getAudioTracks();
      if (screenAudio) this.put("screenAudio", screenAudio);
    } catch (failure) {
      const isRefused = failure instanceof DOMException && failure.name === "NotAllowedError";
      if (!isRefused) this.change({ problems: { ...this.state.problems, screen: "This browser cannot share the screen." } });
    }
  }

  stopScreen(): void {
    this.wishes.screen += 1;
    this.drop("screen");
    this.drop("screenAudio");
  }

  /** Lets go of everything. */
  release(): void {
    for (const source of ["microphone", "camera", "screen"] as const) this.wishes[source] += 1;
    for (const track of Object.values(this.state.tracks)) stop(track);
    this.change(closedState);
  }

  /** Together first, so that the browser asks once; if that fails each alone, so that one is not lost with the other. */
  private async acquire(sources: readonly DeviceSource[]): Promise<void> {
    if (sources.length === 0) return this.listDevices();
    const wishes = sources.map((source) => ++this.wishes[source]);
    const isWished = (source: DeviceSource) => wishes[sources.indexOf(source)] === this.wishes[source];
    this.change({ isOpening: true });
    try {
      const stream = await getUserMedia(constraints(sources, this.state.choices));
      for (const source of sources) {
        const [track] = source === "microphone" ? stream.getAudioTracks() : stream.getVideoTracks();
        if (track && isWished(source)) this.put(source, track);
        else if (track) track.stop();
      }
    } catch (failure) {
      if (sources.length > 1) {
        for (const source of sources) if (isWished(source)) await this.acquire([source]);
      } else {
        for (const source of sources) if (isWished(source)) this.fail(source, failure);
      }
    }
    this.change({ isOpening: false });
    await this.listDevices();
  }

  private gateChanged(): void {
    const { problem } = this.gate;
    this.change(problem === undefined ? {} : { problems: { ...this.state.problems, microphone: problem } });
  }

  private fail(source: DeviceSource, failure: unknown): void {
    this.drop(source);
    this.change({ problems: { ...this.state.problems, [source]: sentence(source, failure) } });
  }

  private put(source: CallSource, track: MediaStreamTrack): void {
    stop(this.state.tracks[source]);
    if (source === "microphone") track.enabled = this.state.wants.microphone;
    track.onended = () => this.ended(source, track);
    this.change({ tracks: { ...this.state.tracks, [source]: track } });
  }

  /** A device was unplugged or taken away, or the person stopped sharing by the browser's own button. */
  private ended(source: CallSource, track: MediaStreamTrack): void {
    if (this.state.tracks[source] !== track) return;
    if (source === "screen") return this.stopScreen();
    this.drop(source);
    if (source === "screenAudio") return;
    this.change({ problems: { ...this.state.problems, [source]: `Your ${source} was disconnected.` } });
    void this.listDevices();
  }

  private drop(source: CallSource): void {
    stop(this.state.tracks[source]);
    const { [source]: _, ...tracks } = this.state.tracks;
    this.change({ tracks });
  }

  private choose(changes: Partial<CallChoices>): void {
    keepCallChoices(changes);
    this.change({ choices: { ...this.state.choices, ...changes } });
  }

  /** Names of devices are told only while one is open. */
  private async listDevices(): Promise<void> {
    if (!hasDevices()) return;
    const devices = await navigator.mediaDevices.enumerateDevices();
    const of = (kind: MediaDeviceKind) => devices.filter((device) => device.kind === kind && device.deviceId !== "");
    this.change({ microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") });
  }

  private change(changes: Partial<LocalState>): void {
    this.state = { ...this.state, ...changes };
    const { choices, tracks } = this.state;
    this.gate.follow(choices.talkMode === "gate" ? tracks.microphone : undefined, choices.gateThreshold);
    for (const listener of this.listeners) listener();
  }
}

/** Browsers offer devices only to pages that came by HTTPS, or from this very machine. */
function hasDevices(): boolean {
  return navigator.mediaDevices !== undefined;
}

async function getUserMedia(wanted: MediaStreamConstraints): Promise<MediaStream> {
  if (!hasDevices()) throw new DOMException("no devices", "SecurityError");
  return navigator.mediaDevices.getUserMedia(wanted);
}

function constraints(sources: readonly DeviceSource[], choices: CallChoices): MediaStreamConstraints {
  return {
    audio: sources.includes("microphone")
      && { deviceId: choices.microphoneID, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    video: sources.includes("camera") && {
      deviceId: choices.cameraID,
      width: { min: 320, ideal: 1280, max: 1280 },
      height: { min: 240, ideal: 720, max: 720 },
      frameRate: { ideal: 30, max: 30 },
    },
  };
}

function sentence(source: DeviceSource, failure: unknown): string {
  switch (failure instanceof DOMException ? failure.name : "") {
    case "NotAllowedError": return `The browser does not allow Roost to use your ${source}.`;
    case "NotFoundError": return `No ${source} was found.`;
    case "NotReadableError":
    case "AbortError": return `Your ${source} is in use by another program.`;
    case "SecurityError": return `Browsers give out the ${source} on secure pages (https) only.`;
    default: return `Your ${source} could not be opened.`;
  }
}

function stop(track: MediaStreamTrack | undefined): void {
  if (!track) return;
  track.onended = null;
  track.stop();
}

function stopAll(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
