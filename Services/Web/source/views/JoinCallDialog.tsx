import { useEffect, useId, useRef } from "react";
import type { ChannelID } from "../core/contracts";
import { callPeople, myID, namesOf, titleOf } from "../core/selectors";
import type { DeviceSource, LocalState } from "../shell/localMedia";
import { Avatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useLocalMedia } from "./context";
import { Toggle } from "./Controls";
import { Dialog } from "./Dialog";
import { Icon } from "./icons";
import { LevelMeter } from "./LevelMeter";
import { Video } from "./MediaTrack";
import { TalkModeChoice } from "./TalkMode";

/** Before joining: how one looks, what is on, and which devices. Without any device one joins to listen. */
export function JoinCallDialog({ channelID }: { channelID: ChannelID }) {
  const state = useAppState();
  const { caller } = useClient();
  const { close } = useDialogs();
  const { choices } = useLocalMedia();
  const channel = state.channels[channelID];
  const joinButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Most people want nothing else here: Enter joins.
    joinButton.current?.focus();
    void caller.media.open();
    return () => caller.stopPreparing();
  }, []);
  if (!channel) return null;
  const people = callPeople(state, channelID);
  const join = () => {
    caller.join(channelID);
    close();
  };
  return (
    <Dialog title={`Call in ${titleOf(state, channel)}`} onClose={close} className="join-call" testID="prejoin-dialog">
      <form className="form" onSubmit={(event) => { event.preventDefault(); join(); }}>
        <p className="dialog-lead">
          {people.length === 0
            ? "Nobody is in the call yet."
            : `${namesOf(people)} ${people.length === 1 ? "is" : "are"} in the call.`}
        </p>
        {channel.kind === "stage" && (
          <p className="notice" data-testid="prejoin-stage">
            On a stage the moderators speak, and whom they invite. Everybody else listens and can raise a hand.
          </p>
        )}
        <Preview />
        <Devices />
        <TalkModeChoice />
        <label className="check">
          <input
            type="checkbox" checked={choices.relayOnly} data-testid="prejoin-relay"
            onChange={(event) => caller.media.chooseRelay(event.currentTarget.checked)}
          />
          <span>
            <strong>Always relay</strong>
            <small>For networks that block calls. Your address stays hidden, and sound may come a little later.</small>
          </span>
        </label>
        <div className="dialog-actions">
          <button type="button" className="button" data-testid="prejoin-cancel" onClick={close}>Cancel</button>
          <button className="button primary" data-testid="prejoin-join" ref={joinButton}>
            <Icon name="call" />{people.length === 0 ? "Start call" : "Join call"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The same devices, while a call goes on. */
export function CallDevicesDialog() {
  const { close } = useDialogs();
  return (
    <Dialog title="Microphone and camera" onClose={close} className="join-call">
      <div className="form"><Devices /><TalkModeChoice /></div>
    </Dialog>
  );
}

function Preview() {
  const state = useAppState();
  const { media } = useClient().caller;
  const { tracks, wants, problems, isOpening, choices } = useLocalMedia();
  const me = state.users[myID(state) ?? ""];
  const found = Object.values(problems).filter((problem): problem is string => problem !== undefined);
  return (
    <>
      <div className="preview">
        {tracks.camera && wants.camera ? <Video track={tracks.camera} isMirrored label="Your camera" /> : (
          <div className="preview-off">
            <Avatar user={me} size="large" />
            <p>{isOpening && wants.camera ? "Opening the camera…" : "Your camera is off"}</p>
          </div>
        )}
        <div className="preview-toggles">
          <DeviceToggle source="microphone" isOn={isOn("microphone", { tracks, wants })} turn={media.turn.bind(media)} />
          <DeviceToggle source="camera" isOn={isOn("camera", { tracks, wants })} turn={media.turn.bind(media)} />
        </div>
      </div>
      {tracks.microphone && wants.microphone && choices.talkMode === "open" && <LevelMeter track={tracks.microphone} />}
      <div role="status" className="device-problems">
        {found.map((problem) => <p key={problem} className="notice">{problem}</p>)}
        {problems.microphone && !tracks.microphone && <p className="field-hint">You can join and listen.</p>}
      </div>
    </>
  );
}

function isOn(source: DeviceSource, { tracks, wants }: Pick<LocalState, "tracks" | "wants">): boolean {
  return wants[source] && tracks[source] !== undefined;
}

interface DeviceToggleProps {
  source: DeviceSource;
  isOn: boolean;
  turn: (source: DeviceSource, isOn: boolean) => Promise<void>;
}

function DeviceToggle({ source, isOn, turn }: DeviceToggleProps) {
  return (
    <Toggle
      icon={source} iconOff={`${source}Off`} label={source === "microphone" ? "Microphone" : "Camera"} isOn={isOn}
      testID={`prejoin-${source}`} onClick={() => void turn(source, !isOn)}
    />
  );
}

function Devices() {
  const { media } = useClient().caller;
  const { tracks, microphones, cameras, speakers, choices } = useLocalMedia();
  return (
    <div className="devices">
      <DeviceSelect
        label="Microphone" testID="prejoin-microphone-device" devices={microphones}
        chosen={deviceOf(tracks.microphone) ?? choices.microphoneID}
        onChoose={(id) => void media.chooseDevice("microphone", id)}
      />
      <DeviceSelect
        label="Camera" testID="prejoin-camera-device" devices={cameras}
        chosen={deviceOf(tracks.camera) ?? choices.cameraID} onChoose={(id) => void media.chooseDevice("camera", id)}
      />
      {"setSinkId" in HTMLMediaElement.prototype && speakers.length > 0 && (
        <DeviceSelect
          label="Speaker" testID="prejoin-speaker-device" devices={speakers} chosen={choices.speakerID}
          onChoose={(id) => media.chooseSpeaker(id)}
        />
      )}
    </div>
  );
}

function deviceOf(track: MediaStreamTrack | undefined): string | undefined {
  return track?.getSettings().deviceId;
}

interface DeviceSelectProps {
  label: string;
  testID: string;
  devices: readonly MediaDeviceInfo[];
  chosen: string | undefined;
  onChoose: (deviceID: string) => void;
}

function DeviceSelect({ label, testID, devices, chosen, onChoose }: DeviceSelectProps) {
  const id = useId();
  const value = devices.some((device) => device.deviceId === chosen) ? chosen : devices[0]?.deviceId;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id} data-testid={testID} value={value ?? ""} disabled={devices.length === 0}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {devices.length === 0 && <option value="">None available</option>}
        {devices.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>{device.label || `${label} ${index + 1}`}</option>
        ))}
      </select>
    </div>
  );
}
