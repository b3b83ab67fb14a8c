import { useRef } from "react";
import type { ActiveCall } from "../core/call-model";
import type { ChannelID } from "../core/contracts";
import { isModerator } from "../core/call-rights";
import { endWords, runningRecording } from "../core/recording";
import { myID } from "../core/selectors";
import type { State } from "../core/state";
import { useAppState, useClient, useTask } from "./context";
import { Dialog } from "./Dialog";
import { Icon } from "./icons";

/**
 * Wherever in Roost the person is: that the call they are in is recorded and by whom, and how the recording ended. Who was
 * asked before they came in sees it once they are in.
 */
export function RecordingBanner({ isFloating = false }: { isFloating?: boolean }) {
  const state = useAppState();
  const { call } = state;
  const isIn = call.phase !== "idle" && call.consent === "given";
  const running = isIn ? runningRecording(call) : undefined;
  return (
    <div role="status" className={isFloating ? "recording-place floating" : "recording-place"}>
      {running && (
        <p className="recording-banner" data-testid="recording-banner">
          <span className="recording-dot" aria-hidden="true" />
          <span>
            <strong>{nameOf(state, running.userID)}</strong> {running.userID === myID(state) ? "are" : "is"} recording the call you
            are in: sound, pictures and screens of everybody in it.
          </span>
        </p>
      )}
      {isIn && call.lastRecording && <Finished call={call} last={call.lastRecording} />}
    </div>
  );
}

/** Why nothing is recorded any more; who recorded may go on when the call lost its server, and nobody else is asked to. */
function Finished({ call, last: { recording, end } }: { call: ActiveCall; last: NonNullable<ActiveCall["lastRecording"]> }) {
  const state = useAppState();
  const { api, caller } = useClient();
  const { isBusy, failure, run } = useTask();
  const canGoOn = end === "lost" && recording.userID === myID(state) && mayRecord(state, call);
  return (
    <p className="recording-banner over" data-testid="recording-over">
      <span>{failure ? failure.problem?.detail ?? failure.message : endWords[end]}</span>
      {canGoOn && (
        <button
          type="button" className="button small primary" data-testid="record-again" disabled={isBusy || call.phase !== "connected"}
          onClick={() => void run(async () => { await api.startRecording(call.channelID); })}
        >
          Record again
        </button>
      )}
      <button type="button" className="button small" data-testid="recording-seen" onClick={caller.dismissRecording}>OK</button>
    </p>
  );
}

/** Asks whoever comes into a call that is recorded; until they say yes nothing of them is sent. */
export function ConsentDialog() {
  const state = useAppState();
  const { caller } = useClient();
  const { call } = state;
  const isAsked = call.phase !== "idle" && call.consent === "asked";
  // Its words stay while another seat is asked for.
  const recorder = useRef<string>();
  if (!isAsked) return null;
  const running = runningRecording(call);
  if (running) recorder.current = nameOf(state, running.userID);
  return (
    <Dialog title="This call is being recorded" onClose={caller.decline} testID="consent-dialog">
      <form className="form" onSubmit={(event) => { event.preventDefault(); caller.agree(); }}>
        <p className="consent-words">
          <span className="recording-dot" aria-hidden="true" />
          <span>
            <strong>{recorder.current ?? "Somebody"}</strong> {recorder.current === you ? "are" : "is"} recording it: sound, pictures
            and screens of everybody in it. The files are posted to the channel when the recording ends.
          </span>
        </p>
        <p className="field-hint">Until you join nothing of you is sent.</p>
        <div className="dialog-actions">
          <button type="button" className="button" data-testid="consent-leave" onClick={caller.decline}>Do not join</button>
          <button className="button primary" data-testid="consent-join"><Icon name="call" />Join and be recorded</button>
        </div>
      </form>
    </Dialog>
  );
}

const you = "You";

function nameOf(state: State, userID: string): string {
  return userID === myID(state) ? you : state.users[userID]?.displayName ?? "Somebody";
}

/** Moderators, and both in a conversation. */
function mayRecord(state: State, call: ActiveCall): boolean {
  return state.channels[call.channelID]?.kind === "direct" || isModerator(call);
}

/** Starts and stops the recording, for those who may. */
export function RecordButton({ call, channelID }: { call: ActiveCall; channelID: ChannelID }) {
  const state = useAppState();
  const { api } = useClient();
  const { isBusy, failure, run } = useTask();
  const isRunning = runningRecording(call) !== undefined;
  const label = isRunning ? "Stop recording" : "Record this call";
  const toggle = () => void run(async () => {
    if (isRunning) await api.stopRecording(channelID);
    else await api.startRecording(channelID);
  });
  if (!mayRecord(state, call)) return null;
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
