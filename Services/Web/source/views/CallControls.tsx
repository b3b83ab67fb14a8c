import type { ActiveCall } from "../core/call-model";
import { heldBack, isAudience } from "../core/call-rights";
import type { CallSource } from "../core/contracts";
import { keyName } from "../shell/pushToTalk";
import { useClient, useDialogs, useLocalMedia } from "./context";
import { Toggle } from "./Controls";
import { Icon } from "./icons";
import { RecordButton } from "./Recording";

/** Mute, camera, screen and leave, of the call this tab is in. */
export function CallControls({ call }: { call: ActiveCall }) {
  const { caller } = useClient();
  const dialogs = useDialogs();
  const { problems, choices } = useLocalMedia();
  const { media } = caller;
  const isMicrophoneOn = call.active.includes("microphone");
  const isCameraOn = call.active.includes("camera");
  const isSharing = call.active.includes("screen");
  const isHandRaised = call.remote?.hands.includes(call.participantID) ?? false;
  const held = heldBack(call.remote, call.participantID);
  const isListening = isAudience(call);
  const why = (source: CallSource) => held.includes(source) ? "Turned off by a moderator" : undefined;
  const canShare = !isListening && !held.includes("screen") && typeof navigator.mediaDevices?.getDisplayMedia === "function";
  return (
    <div className="call-controls" role="group" aria-label="Call controls">
      {!isListening && (
        <>
          <Toggle
            icon="microphone" iconOff="microphoneOff" label="Mute" isOn={isMicrophoneOn} isInverse testID="call-mute"
            held={why("microphone")} onClick={() => void media.turn("microphone", !isMicrophoneOn)}
          />
          <Toggle
            icon="camera" iconOff="cameraOff" label="Camera" isOn={isCameraOn} testID="call-camera"
            held={why("camera")} onClick={() => void media.turn("camera", !isCameraOn)}
          />
        </>
      )}
      {canShare && (
        <button
          type="button" className={isSharing ? "toggle minor sharing" : "toggle minor"} aria-label="Share screen"
          title="Share screen" aria-pressed={isSharing} data-testid="call-screen"
          onClick={() => { if (isSharing) media.stopScreen(); else void media.shareScreen(); }}
        >
          <Icon name="screen" />
        </button>
      )}
      <RecordButton call={call} channelID={call.channelID} />
      <button
        type="button" className={handClass(isListening, isHandRaised)} aria-label="Raise hand"
        title={isHandRaised ? "Lower hand" : "Raise hand"} aria-pressed={isHandRaised} data-testid="call-hand"
        onClick={() => caller.moveHand(!isHandRaised)}
      >
        <Icon name="hand" />
        {isListening && <span>{isHandRaised ? "Hand is up" : "Ask to speak"}</span>}
      </button>
      <button
        type="button" className="toggle minor" aria-label="Microphone and camera settings"
        title="Microphone and camera settings" data-testid="call-devices"
        onClick={() => dialogs.open({ name: "callDevices" })}
      >
        <Icon name="settings" />
      </button>
      <button
        type="button" className="toggle leave" aria-label="Leave the call" title="Leave the call"
        data-testid="call-leave"
        onClick={() => {
          // The controls are about to go, and the focus with them.
          document.getElementById("channel")?.focus();
          caller.leave();
        }}
      >
        <Icon name="hangUp" />
      </button>
      {choices.talkMode === "key" && !isListening && (
        <p className="call-hint">Hold <kbd>{keyName(choices.talkKey)}</kbd> to talk</p>
      )}
      <p role="status" className="call-problem">{problems.microphone ?? problems.camera ?? problems.screen}</p>
    </div>
  );
}

/** For who listens it is the one thing to do, and says so. */
function handClass(isListening: boolean, isRaised: boolean): string {
  return `toggle ${isListening ? "wide" : "minor"}${isRaised ? " raised" : ""}`;
}
