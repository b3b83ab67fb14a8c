import type { Path, QualitySample, StreamSample } from "../core/quality";

/** One dictionary of getStats (W3C webrtc-stats), of whatever type. */
type Stats = Record<string, unknown> & { id: string; type: string };

/** Reads what a browser says of a peer connection, as far as it says it. */
export function sampleOf(report: RTCStatsReport, at: number): QualitySample {
  const byID = new Map<string, Stats>();
  report.forEach((stats: Stats) => byID.set(stats.id, stats));
  const all = [...byID.values()];
  const pair = selectedPair(all, byID);
  const received: Record<string, StreamSample> = {};
  const sent: Record<string, StreamSample> = {};
  for (const stats of all) {
    if (stats.type === "inbound-rtp") received[stats.id] = streamOf(stats, "packetsReceived", "bytesReceived", stats);
    if (stats.type === "outbound-rtp") {
      const remote = byID.get(text(stats, "remoteId") ?? "");
      sent[stats.id] = streamOf(stats, "packetsSent", "bytesSent", remote);
    }
  }
  const roundTrips = all.filter(({ type }) => type === "remote-inbound-rtp").map((stats) => number(stats, "roundTripTime"));
  return {
    at, received, sent, path: pair && pathOf(pair, byID),
    roundTrip: (pair && number(pair, "currentRoundTripTime")) ?? roundTrips.find((one) => one !== undefined),
  };
}

function streamOf(stats: Stats, packets: string, bytes: string, losses: Stats | undefined): StreamSample {
  return {
    kind: stats["kind"] === "video" ? "video" : "audio",
    bytes: number(stats, bytes) ?? 0,
    packets: number(stats, packets) ?? 0,
    lost: (losses && number(losses, "packetsLost")) ?? 0,
    jitter: number(stats, "jitter"),
    width: number(stats, "frameWidth"),
    height: number(stats, "frameHeight"),
    framesPerSecond: number(stats, "framesPerSecond"),
  };
}

/** Firefox has no transport to ask, and marks the pair instead. */
function selectedPair(all: readonly Stats[], byID: ReadonlyMap<string, Stats>): Stats | undefined {
  const transport = all.find(({ type }) => type === "transport");
  const named = transport && byID.get(text(transport, "selectedCandidatePairId") ?? "");
  return named ?? all.find((stats) => stats.type === "candidate-pair" && stats["selected"] === true)
    ?? all.find((stats) => stats.type === "candidate-pair" && stats["nominated"] === true && stats["state"] === "succeeded");
}

function pathOf(pair: Stats, byID: ReadonlyMap<string, Stats>): Path | undefined {
  const local = byID.get(text(pair, "localCandidateId") ?? "");
  if (!local) return undefined;
  const isRelayed = local["candidateType"] === "relay";
  const protocol = (isRelayed ? text(local, "relayProtocol") : undefined) ?? text(local, "protocol") ?? "udp";
  return { way: isRelayed ? "relayed" : "direct", protocol: protocol === "udp" ? "UDP" : protocol === "tls" ? "TLS" : "TCP" };
}

function number(stats: Stats, name: string): number | undefined {
  const value = stats[name];
  return typeof value === "number" ? value : undefined;
}

function text(stats: Stats, name: string): string | undefined {
  const value = stats[name];
  return typeof value === "string" ? value : undefined;
}
