import { useEffect, useRef, useState } from "react";
import type { Call } from "../core/call-model";
import type { UserID } from "../core/contracts";
import { useAppState, useClient, useLocalMedia } from "./context";
import { useTrack } from "./MediaTrack";

const keptLineCount = 5;

/** What a call needs wherever the person looks: the sound of the others, and word of who comes and goes. */
export function CallHost() {
  const { call } = useAppState();
  return (
    <>
      {call.phase !== "idle" && <RemoteAudio key={call.moving?.former ?? call.peer} />}
      <ComingAndGoing />
    </>
  );
}

/** One element a section: the node decides who is heard on which. */
function RemoteAudio() {
  const { call } = useAppState();
  const { caller } = useClient();
  const { choices } = useLocalMedia();
  const [isRefused, setRefused] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const sounds = caller.remoteAudio();
  return (
    <>
      {sounds.map(({ mid, track }) => (
        <AudioTrack
          key={track.id} track={track} speakerID={choices.speakerID} attempt={attempt} onRefused={() => setRefused(true)}
          volume={choices.volumes[(mid === null ? undefined : speakerOn(call, mid)) ?? ""] ?? 1}
        />
      ))}
      {isRefused && (
        <button
          type="button" className="button primary call-hear" data-testid="call-hear"
          onClick={() => {
            setRefused(false);
            setAttempt(attempt + 1);
          }}
        >
          Click to hear the call
        </button>
      )}
    </>
  );
}

/** Who is heard on a section now, as the last state says. */
function speakerOn(call: Call, mid: string): UserID | undefined {
  if (call.phase === "idle" || !call.remote) return undefined;
  const { tracks, participants } = call.remote;
  const track = tracks.find((track) => track.mid === mid);
  return participants.find(({ participantID }) => participantID === track?.participantID)?.userID;
}

interface AudioTrackProps {
  track: MediaStreamTrack;
  speakerID: string | undefined;
  /** Plays again when it changes, within the click that changed it. */
  attempt: number;
  onRefused: () => void;
  /** In 0...1. */
  volume: number;
}

function AudioTrack({ track, speakerID, attempt, onRefused, volume }: AudioTrackProps) {
  const element = useRef<HTMLAudioElement>(null);
  useTrack(element, track);
  useEffect(() => {
    element.current?.play().catch((failure: unknown) => {
      // Removed or given another track while it began: nothing to tell.
      if (failure instanceof DOMException && failure.name === "NotAllowedError") onRefused();
    });
  }, [track, attempt]);
  useEffect(() => {
    if (element.current) element.current.volume = volume;
  }, [volume]);
  useEffect(() => {
    const audio: SinkElement | null = element.current;
    // A device that is gone leaves the sound where it was.
    if (speakerID !== undefined) void audio?.setSinkId?.(speakerID).catch(() => undefined);
  }, [speakerID]);
  return <audio ref={element} autoPlay />;
}

interface SinkElement extends HTMLAudioElement {
  setSinkId?: (deviceID: string) => Promise<void>;
}

/** Tells screen readers who joined and left the call this tab is in. */
function ComingAndGoing() {
  const state = useAppState();
  const { call } = state;
  const remote = call.phase === "idle" ? undefined : call.remote;
  // By person: when the call moves to another node everyone has another seat, and nobody came or went.
  const known = useRef<Map<UserID, string>>();
  const [lines, setLines] = useState<{ key: number; text: string }[]>([]);
  useEffect(() => {
    if (call.phase === "idle" || !remote) {
      known.current = undefined;
      return;
    }
    const others = remote.participants.filter(({ participantID }) => participantID !== call.participantID);
    const present = new Map(others.map(({ userID }) => [userID, state.users[userID]?.displayName ?? "Somebody"]));
    const before = known.current;
    known.current = present;
    if (!before) return;
    const fresh = [
      ...[...present].filter(([id]) => !before.has(id)).map(([, name]) => `${name} joined the call.`),
      ...[...before].filter(([id]) => !present.has(id)).map(([, name]) => `${name} left the call.`),
    ];
    if (fresh.length === 0) return;
    setLines((lines) => {
      const next = (lines[lines.length - 1]?.key ?? 0) + 1;
      return [...lines, ...fresh.map((text, index) => ({ key: next + index, text }))].slice(-keptLineCount);
    });
  }, [remote]);
  return (
    <div className="visually-hidden" role="log" aria-live="polite" aria-label="Call">
      {lines.map((line) => <p key={line.key}>{line.text}</p>)}
    </div>
  );
}
