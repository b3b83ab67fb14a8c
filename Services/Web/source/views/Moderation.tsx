import { useEffect, useState } from "react";
import type { CallModeration, CallRemoval, CallSource, Channel, ChannelID, UserID } from "../core/contracts";
import type { Tile } from "../core/tiles";
import { Avatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Problem } from "./Controls";
import { Dialog } from "./Dialog";
import { Icon } from "./icons";
import { clockTime } from "./times";

interface ModerationProps {
  tile: Tile;
  channel: Channel;
  /** Whether whom it shows is a moderator too. */
  isModerator: boolean;
}

/** In the menu of a tile: what a moderator may do to whom it shows. */
export function Moderation({ tile, channel, isModerator }: ModerationProps) {
  const client = useClient();
  const dialogs = useDialogs();
  const { userID, source, isOwn, hand } = tile;
  if (isOwn) {
    return (
      <button
        type="button" data-testid="call-removals"
        onClick={() => dialogs.open({ name: "callRemovals", channelID: channel.id })}
      >
        <Icon name="people" />Removed people
      </button>
    );
  }
  if (userID === undefined) return null;
  const act = (action: CallModeration, of?: CallSource) => () => void client.moderate(channel.id, userID, action, of);
  return (
    <>
      <Holds tile={tile} act={act} />
      {source === "camera" && hand !== undefined && (
        <button type="button" data-testid="lower-hand" onClick={act("lowerHand")}>
          <Icon name="hand" />Lower hand
        </button>
      )}
      {source === "camera" && channel.kind === "stage" && !isModerator && (
        <button type="button" data-testid="send-back" onClick={act("dismiss")}>
          <Icon name="down" />Send to the audience
        </button>
      )}
      {source === "camera" && !isModerator && (
        <button
          type="button" className="danger" data-testid="remove-person"
          onClick={() => dialogs.open({ name: "removeFromCall", channelID: channel.id, userID })}
        >
          <Icon name="remove" />Remove from call
        </button>
      )}
    </>
  );
}

interface HoldsProps {
  tile: Tile;
  act: (action: CallModeration, of?: CallSource) => () => void;
}

/** Turns off what somebody sends, or gives it back. */
function Holds({ tile, act }: HoldsProps) {
  const { source, isMuted, isMicrophoneHeld, isPictureHeld, hasVideo } = tile;
  const isScreen = source === "screen";
  return (
    <>
      {!isScreen && !isMuted && !isMicrophoneHeld && (
        <button type="button" data-testid="mute-person" onClick={act("mute", "microphone")}>
          <Icon name="microphoneOff" />Mute for everybody
        </button>
      )}
      {!isScreen && isMicrophoneHeld && (
        <button type="button" data-testid="unmute-person" onClick={act("unmute", "microphone")}>
          <Icon name="microphone" />Allow the microphone
        </button>
      )}
      {hasVideo && !isPictureHeld && (
        <button type="button" data-testid={isScreen ? "stop-screen" : "stop-camera"} onClick={act("mute", source)}>
          <Icon name={isScreen ? "screen" : "cameraOff"} />{isScreen ? "Stop the screen" : "Turn camera off"}
        </button>
      )}
      {!isScreen && isPictureHeld && (
        <button type="button" data-testid="allow-camera" onClick={act("unmute", "camera")}>
          <Icon name="camera" />Allow the camera
        </button>
      )}
      {!isScreen && tile.isScreenHeld && (
        <button type="button" data-testid="allow-screen" onClick={act("unmute", "screen")}>
          <Icon name="screen" />Allow screens
        </button>
      )}
    </>
  );
}

/** Asks before somebody is removed from the call. */
export function RemoveFromCallDialog({ channelID, userID }: { channelID: ChannelID; userID: UserID }) {
  const { api } = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const name = useAppState().users[userID]?.displayName ?? "this person";
  const remove = () => void run(async () => {
    await api.removeFromCall(channelID, userID);
    close();
  });
  return (
    <Dialog title={`Remove ${name} from the call?`} onClose={close}>
      <p className="dialog-lead">
        {name} leaves the call on all devices and can join again in ten minutes, or as soon as you allow it: the menu of your
        own tile lists who was removed. {name} stays in the channel.
      </p>
      <Problem failure={failure} />
      <div className="dialog-actions">
        <button type="button" className="button" onClick={close}>Cancel</button>
        <button type="button" className="button danger solid" data-testid="confirm-remove-call" disabled={isBusy} onClick={remove}>
          Remove
        </button>
      </div>
    </Dialog>
  );
}

/** Who may not join yet, and the way to let them. */
export function CallRemovalsDialog({ channelID }: { channelID: ChannelID }) {
  const state = useAppState();
  const { api } = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const [removals, setRemovals] = useState<readonly CallRemoval[]>();
  const load = async () => setRemovals((await api.listCallRemovals(channelID)).removals);
  useEffect(() => void run(load), []);
  const allow = (userID: UserID) => void run(async () => {
    await api.allowIntoCall(channelID, userID);
    await load();
  });
  return (
    <Dialog title="Removed from the call" onClose={close}>
      <Problem failure={failure} />
      {removals?.length === 0 && <p className="quiet" role="status">Nobody is kept out.</p>}
      <ul className="picks">
        {removals?.map(({ userID, until }) => (
          <li key={userID}>
            <Avatar user={state.users[userID]} />
            <p>
              <strong>{state.users[userID]?.displayName ?? "Somebody"}</strong>
              <span>may join again at {clockTime(until)}</span>
            </p>
            <button
              type="button" className="button small" data-testid="allow-person" disabled={isBusy}
              aria-label={`Let ${state.users[userID]?.displayName ?? "this person"} join again`} onClick={() => allow(userID)}
            >
              Allow now
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
