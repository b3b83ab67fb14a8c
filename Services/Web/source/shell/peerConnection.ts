import type { Section } from "../core/call-model";
import type { CallLayer, CallSource, IceServer } from "../core/contracts";

/** What this person sends, as far as there is a device for it. */
export type LocalTracks = Readonly<Partial<Record<CallSource, MediaStreamTrack>>>;

export interface PeerOptions {
  iceServers: readonly IceServer[];
  relayOnly: boolean;
  tracks: LocalTracks;
  onMedia: (isUp: boolean) => void;
}

/** The camera in three sizes at once, the lowest first: each viewer gets the one that fits its tile and its link. */
const cameraEncodings: RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];
const screenEncodings: RTCRtpEncodingParameters[] = [{ maxBitrate: 2_500_000 }];

/**
 * The one connection to the media node. Its sections are only ever added to: the four to send first, each with or
 * without a track, then those to receive. So turning a source on or off is `replaceTrack` and needs no offer.
 */
export class PeerConnection {
  private readonly connection: RTCPeerConnection;
  private readonly sending: Readonly<Record<CallSource, RTCRtpTransceiver>>;
  private readonly receiving: { kind: "audio" | "video"; transceiver: RTCRtpTransceiver }[] = [];
  /** Offers and answers one after the other, whatever order they were asked for in. */
  private last: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor({ iceServers, relayOnly, tracks, onMedia }: PeerOptions) {
    this.connection = new RTCPeerConnection({
      iceServers: [...iceServers], iceTransportPolicy: relayOnly ? "relay" : "all", bundlePolicy: "max-bundle",
    });
    this.sending = {
      microphone: this.addSender("audio"),
      camera: this.addSender("video", cameraEncodings),
      screen: this.addSender("video", screenEncodings),
      screenAudio: this.addSender("audio"),
    };
    this.send(tracks);
    this.connection.onconnectionstatechange = () => {
      const { connectionState } = this.connection;
      if (connectionState === "connected") onMedia(true);
      if (connectionState === "disconnected" || connectionState === "failed") onMedia(false);
    };
  }

  /** Sends these tracks from now on; a source without one sends nothing. */
  send(tracks: LocalTracks): void {
    for (const [source, { sender }] of Object.entries(this.sending)) {
      const track = tracks[source as CallSource] ?? null;
      if (sender.track === track || this.isClosed) continue;
      void sender.replaceTrack(track).catch((failure: unknown) => {
        // Closing in the meantime is no fault; any other refusal means a track that does not fit its section.
        if (!this.isClosed) throw failure;
      });
    }
  }

  /** An offer with at least so many receive sections, set as the local description. */
  offer(needs: { audioSections: number; videoSections: number; restartsICE: boolean }): Promise<OfferedSections> {
    return this.inTurn(async () => {
      this.addReceivers("audio", needs.audioSections);
      this.addReceivers("video", needs.videoSections);
      if (needs.restartsICE) this.connection.restartIce();
      const { sdp } = await this.connection.createOffer();
      await this.connection.setLocalDescription({ type: "offer", sdp });
      const sections = Object.entries(this.sending).map(([source, { mid }]) => {
        if (mid === null) throw new Error("A section that was offered has no mid.");
        return { mid, source: source as CallSource };
      });
      return { sdp: sdp ?? "", sections };
    });
  }

  useServers(iceServers: readonly IceServer[]): void {
    this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers: [...iceServers] });
  }

  takeAnswer(sdp: string): Promise<void> {
    return this.inTurn(() => this.connection.setRemoteDescription({ type: "answer", sdp }));
  }

  /** Rests the encodings that nobody sees, and wakes those that somebody does. */
  sendLayers(layers: readonly CallLayer[]): void {
    for (const { source, active } of layers) {
      const { sender } = this.sending[source];
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) {
        if (encoding.rid !== undefined) encoding.active = active.includes(encoding.rid);
      }
      void sender.setParameters(parameters).catch((failure: unknown) => {
        if (!this.isClosed) throw failure;
      });
    }
  }

  /** The receive section on which a track arrives. */
  midOf(track: MediaStreamTrack): string | undefined {
    return this.receiving.find(({ transceiver }) => transceiver.receiver.track === track)?.transceiver.mid ?? undefined;
  }

  /** The track that arrives on a receive section; the same one for as long as the connection lives. */
  remoteTrack(mid: string): MediaStreamTrack | undefined {
    return this.receiving.find(({ transceiver }) => transceiver.mid === mid)?.transceiver.receiver.track;
  }

  /** All sound of the others: who speaks on which of these tracks changes without notice. */
  remoteAudio(): RemoteAudio[] {
    return this.receiving.filter(({ kind }) => kind === "audio").map(({ transceiver }) =>
      ({ mid: transceiver.mid, track: transceiver.receiver.track }));
  }

  stats(): Promise<RTCStatsReport> {
    return this.connection.getStats();
  }

  close(): void {
    this.isClosed = true;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  private addSender(kind: "audio" | "video", encodings?: RTCRtpEncodingParameters[]): RTCRtpTransceiver {
    const sendEncodings = encodings?.map((encoding) => ({ ...encoding }));
    return this.connection.addTransceiver(kind, { direction: "sendonly", sendEncodings });
  }

  private addReceivers(kind: "audio" | "video", count: number): void {
    const present = this.receiving.filter((section) => section.kind === kind).length;
    for (let index = present; index < count; index += 1) {
      const transceiver = this.connection.addTransceiver(kind, { direction: "recvonly" });
      if (kind === "video") askForDescriptors(transceiver);
      this.receiving.push({ kind, transceiver });
    }
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined); // Whoever asked is told; the next one has its turn all the same.
    return result;
  }
}

/** How a transceiver says which header extensions it offers (W3C webrtc-extensions), where the browser has that. */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: RTCRtpTransceiverDirection }[]): void;
}

/**
 * Offers to be told what each frame refers to (AV1 RTP specification, appendix A). Chromium does so on demand only, and
 * without it decodes no spatial layer of AV1 but the lowest.
 */
function askForDescriptors(transceiver: RTCRtpTransceiver & ExtensionControl): void {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
  const descriptor = extensions?.find(({ uri }) => uri.endsWith("#dependency-descriptor-rtp-header-extension"));
  if (!extensions || !descriptor) return;
  descriptor.direction = "sendrecv";
  transceiver.setHeaderExtensionsToNegotiate?.(extensions);
}

/** Sound that arrives on a section, which has its name once it was offered. */
export interface RemoteAudio {
  mid: string | null;
  track: MediaStreamTrack;
}

export interface OfferedSections {
  sdp: string;
  sections: Section[];
}
