const startPatience = 2_000;

/** The microphone behind a gate that is open while it is loud (`worklets/voiceGate.ts`). The device itself stays as it is. */
export class VoiceGate {
  private source: MediaStreamTrack | undefined;
  private opened: OpenGate | undefined;
  private threshold = 0;
  private hasFailed = false;

  constructor(private readonly changed: () => void) {}

  /** What comes out; nothing while it begins. The microphone itself where there is no gate, or none can be had. */
  get track(): MediaStreamTrack | undefined {
    return this.hasFailed ? this.source : this.opened?.track;
  }

  /** Why there is no gate, for a person. */
  get problem(): string | undefined {
    return this.hasFailed ? "This browser has no voice gate: you are heard all the time." : undefined;
  }

  /** Gates this microphone from now on, with a threshold in decibels of full scale; nothing ends it. */
  follow(source: MediaStreamTrack | undefined, threshold: number): void {
    this.threshold = threshold;
    this.opened?.node.port.postMessage(threshold);
    if (source === this.source) return;
    this.source = source;
    this.hasFailed = false;
    this.close();
    if (source) void this.open(source);
  }

  private async open(source: MediaStreamTrack): Promise<void> {
    const gate = await openGate(source).catch(() => undefined);
    if (source !== this.source) return void gate?.context.close();
    this.opened = gate;
    this.hasFailed = gate === undefined;
    gate?.node.port.postMessage(this.threshold);
    this.changed();
  }

  private close(): void {
    this.opened?.track.stop();
    void this.opened?.context.close();
    this.opened = undefined;
  }
}

interface OpenGate {
  context: AudioContext;
  /** Held here: a browser may collect one that only its connection holds. */
  input: MediaStreamAudioSourceNode;
  node: AudioWorkletNode;
  track: MediaStreamTrack;
}

async function openGate(source: MediaStreamTrack): Promise<OpenGate> {
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule("/voice-gate.js");
    const node = new AudioWorkletNode(context, "voice-gate", {
      channelCount: 1, channelCountMode: "explicit", outputChannelCount: [1],
    });
    const sink = context.createMediaStreamDestination();
    const input = context.createMediaStreamSource(new MediaStream([source]));
    input.connect(node).connect(sink);
    const [track] = sink.stream.getAudioTracks();
    // Without a device to play on some browsers never begin.
    await Promise.race([context.resume(), new Promise((done) => setTimeout(done, startPatience))]);
    if (!track || context.state !== "running") throw new Error("The browser does not process sound.");
    // A telephone call may halt it.
    context.onstatechange = () => { if (context.state !== "closed") void context.resume().catch(() => undefined); };
    return { context, input, node, track };
  } catch (failure) {
    void context.close();
    throw failure;
  }
}
