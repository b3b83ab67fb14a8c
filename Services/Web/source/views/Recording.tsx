import { useEffect, useRef, useState } from "react";
import type { ActiveCall } from "../core/call-model";
import type { ChannelID } from "../core/contracts";
import { isModerator } from "../core/call-rights";
import { endWords, runningRecording } from "../core/recording";
import { useAppState, useClient, useTask } from "./context";
import { Icon } from "./icons";

/** Says to everybody in the call, those who come later too, that it is recorded and by whom, and how it ended. */
export function RecordingBanner({ call }: { call: ActiveCall }) {
  const state = useAppState();
  const recording = call.remote?.recording;
  const running = runningRecording(call);
  // The end of a recording that this client never saw running is no news.
  const seen = useRef<string>();
  const [isDismissed, setDismissed] = useState(false);
  useEffect(() => {
    if (running) {
      seen.current = running.id;
      setDismissed(false);
    }
  }, [running?.id]);
  const end = recording?.end;
  const isOverNow = recording !== undefined && end !== undefined && seen.current === recording.id && !isDismissed;
  if (!recording) return <div role="status" className="recording-place" />;
  const name = state.users[recording.userID]?.displayName ?? "Somebody";
  return (
    <div role="status" className="recording-place">
      {running && (
        <p className="recording-banner" data-testid="recording-banner">
          <span className="recording-dot" aria-hidden="true" />
          <span><strong>{name}</strong> is recording this call: sound, pictures and screens of everybody in it.</span>
        </p>
      )}
      {isOverNow && end !== undefined && (
        <p className="recording-banner over" data-testid="recording-over">
          <span>{endWords[end]}</span>
          <button type="button" className="button small" onClick={() => setDismissed(true)}>OK</button>
        </p>
      )}
    </div>
  );
}

/** Starts and stops the recording, for those who may: moderators, and both in a conversation. */
export function RecordButton({ call, channelID }: { call: ActiveCall; channelID: ChannelID }) {
  const { api } = useClient();
  const { isBusy, failure, run } = useTask();
  const isDirect = useAppState().channels[channelID]?.kind === "direct";
  const isRunning = runningRecording(call) !== undefined;
  const label = isRunning ? "Stop recording" : "Record this call";
  const toggle = () => void run(async () => {
    if (isRunning) await api.stopRecording(channelID);
    else await api.startRecording(channelID);
  });
  if (!isDirect && !isModerator(call)) return null;
  return (
    <>
      <button
        type="button" className={isRunning ? "toggle minor recording" : "toggle minor"} aria-label={label} title={label}
        data-testid="call-record" disabled={isBusy || call.phase !== "connected"} onClick={toggle}
      >
        <Icon name="record" />
      </button>
      {failure && <p role="alert" className="call-problem">{failure.problem?.detail ?? failure.message}</p>}
    </>
  );
}
