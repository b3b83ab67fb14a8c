/** What a browser measured of one stream so far; counters since the connection began. */
export interface StreamSample {
  kind: "audio" | "video";
  bytes: number;
  packets: number;
  /** Of what is received, what never came; of what is sent, what the other side says never came. */
  lost: number;
  /** Seconds. */
  jitter: number | undefined;
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
}

/** All of it at one moment. */
export interface QualitySample {
  /** Milliseconds of a clock that only goes forward. */
  at: number;
  /** Seconds there and back. */
  roundTrip: number | undefined;
  path: Path | undefined;
  received: Readonly<Record<string, StreamSample>>;
  sent: Readonly<Record<string, StreamSample>>;
}

/** `relayed` names the transport to the relay, which may be another than that of the media. */
export interface Path {
  way: "direct" | "relayed";
  protocol: "UDP" | "TCP" | "TLS";
}

export type Grade = "unknown" | "good" | "fair" | "poor";

/** Numbers of one direction over the last while. */
export interface Direction {
  /** Bits a second. */
  bitrate: number;
  /** In 0...1; nothing if there was nothing to lose. */
  loss: number | undefined;
  /** Of the largest picture. */
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
}

export interface Quality {
  grade: Grade;
  /** What it means for the person. */
  sentence: string;
  roundTrip: number | undefined;
  /** The worst of all that is received, in seconds. */
  jitter: number | undefined;
  path: Path | undefined;
  received: Direction;
  sent: Direction;
}

/** Beyond the first it is noticed, beyond the second it disturbs. Fractions, and seconds. */
export const qualityBounds = {
  loss: [0.02, 0.08],
  roundTrip: [0.25, 0.5],
  jitter: [0.03, 0.08],
} as const;

/** The quality between two samples. What began or ended in between counts as far as both know it. */
export function qualityOf(before: QualitySample, after: QualitySample): Quality {
  const seconds = (after.at - before.at) / 1000;
  const received = directionOf(before.received, after.received, seconds);
  const sent = directionOf(before.sent, after.sent, seconds);
  const jitters = Object.values(after.received).map(({ jitter }) => jitter).filter((jitter) => jitter !== undefined);
  const jitter = jitters.length > 0 ? Math.max(...(jitters as number[])) : undefined;
  const known = { roundTrip: after.roundTrip, jitter, path: after.path, received, sent };
  return { ...judge(known), ...known };
}

type Known = Omit<Quality, "grade" | "sentence">;

function judge({ roundTrip, jitter, received, sent }: Known): Pick<Quality, "grade" | "sentence"> {
  const causes = [
    { grade: gradeOf(received.loss, "loss"), fair: "Now and then a bit of sound or picture is lost on the way to you.",
      poor: "Much is lost on the way to you: voices break up and pictures freeze." },
    { grade: gradeOf(sent.loss, "loss"), fair: "Now and then a bit of what you send is lost.",
      poor: "Much of what you send is lost: the others hear and see you badly." },
    { grade: gradeOf(roundTrip, "roundTrip"), fair: "There is a slight delay.",
      poor: "There is a long delay: people will talk over each other." },
    { grade: gradeOf(jitter, "jitter"), fair: "What comes to you comes unevenly; a little delay evens it out.",
      poor: "What comes to you comes in bursts, as when a network is overloaded." },
  ];
  for (const grade of ["poor", "fair"] as const) {
    const cause = causes.find((cause) => cause.grade === grade);
    if (cause) return { grade, sentence: cause[grade] };
  }
  if (causes.every((cause) => cause.grade === "unknown")) return { grade: "unknown", sentence: "Nothing is measured yet." };
  return { grade: "good", sentence: "Sound and pictures arrive as they are sent." };
}

function gradeOf(value: number | undefined, measure: keyof typeof qualityBounds): Grade {
  if (value === undefined) return "unknown";
  const [fair, poor] = qualityBounds[measure];
  return value > poor ? "poor" : value > fair ? "fair" : "good";
}

function directionOf(
  before: Readonly<Record<string, StreamSample>>, after: Readonly<Record<string, StreamSample>>, seconds: number,
): Direction {
  let [bytes, packets, lost] = [0, 0, 0];
  let largest: StreamSample | undefined;
  for (const [id, now] of Object.entries(after)) {
    const then = before[id];
    if (!then) continue;
    bytes += Math.max(0, now.bytes - then.bytes);
    packets += Math.max(0, now.packets - then.packets);
    // A packet that comes late after all is taken back: the count may fall.
    lost += Math.max(0, now.lost - then.lost);
    const isMoving = now.kind === "video" && now.packets > then.packets;
    if (isMoving && (now.width ?? 0) > (largest?.width ?? 0)) largest = now;
  }
  return {
    bitrate: seconds > 0 ? bytes * 8 / seconds : 0,
    loss: packets + lost > 0 ? lost / (packets + lost) : undefined,
    width: largest?.width,
    height: largest?.height,
    framesPerSecond: largest?.framesPerSecond,
  };
}

// MARK: Words for numbers

export function pathWords(path: Path | undefined): string {
  if (!path) return "not known yet";
  return path.way === "relayed" ? `through a relay, over ${path.protocol}` : `direct, over ${path.protocol}`;
}

export function bitrateWords(bitsPerSecond: number): string {
  return bitsPerSecond >= 1_000_000
    ? `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

export function millisecondsWords(seconds: number | undefined): string {
  return seconds === undefined ? "–" : `${Math.round(seconds * 1000)} ms`;
}

export function lossWords(fraction: number | undefined): string {
  if (fraction === undefined) return "–";
  return fraction === 0 ? "none" : fraction < 0.001 ? "under 0.1 %" : `${(fraction * 100).toFixed(1)} %`;
}

export function pictureWords({ width, height, framesPerSecond }: Direction): string {
  if (width === undefined || height === undefined) return "none";
  return framesPerSecond === undefined
    ? `${width} × ${height}` : `${width} × ${height}, ${Math.round(framesPerSecond)} a second`;
}
