import { memo } from "react";
import type { ReactNode } from "react";
import type { User } from "../core/contracts";
import type { Tile } from "../core/tiles";
import { Avatar, tintOf } from "./Avatar";
import { Icon } from "./icons";
import { Video } from "./MediaTrack";
import { TileMenu } from "./TileMenu";

interface CallTileProps {
  tile: Tile;
  user: User | undefined;
  track: MediaStreamTrack | undefined;
  isPinned: boolean;
  /** Stays the same function in what it does, so that a tile rests while nothing of it changes. */
  onPin: (key: string) => void;
  isModerator: boolean;
  /** What a moderator may do to it. */
  moderation?: ReactNode;
}

/** A person of the call, or the screen somebody shares. */
export const CallTile = memo(function CallTile({
  tile, user, track, isPinned, onPin, isModerator, moderation,
}: CallTileProps) {
  const { source, isOwn, isSpeaking, isMuted, isMicrophoneHeld } = tile;
  const name = user?.displayName ?? "Somebody";
  const title = source === "screen" ? `${name}'s screen` : isOwn ? "You" : name;
  const hasVideo = tile.hasVideo && track !== undefined;
  const videoLabel = source === "screen" ? title : `Camera of ${name}`;
  return (
    <li
      className={`call-tile ${source} tint-${tintOf(user?.id ?? "")}`} data-testid="call-tile"
      data-participant-id={tile.participantID} data-user-id={tile.userID} data-source={source}
      data-speaking={isSpeaking} data-muted={isMuted} data-video={hasVideo} data-own={isOwn}
      data-pinned={isPinned} data-hand={tile.hand} data-held={isMicrophoneHeld} data-moderator={isModerator} onDoubleClick={() => onPin(tile.key)}
    >
      {hasVideo
        ? <Video track={track} isMirrored={isOwn} label={videoLabel} testID="tile-video" />
        : <Avatar user={user} size="large" />}
      {tile.hand !== undefined && (
        <p className="tile-hand" title="Asks for the word"><Icon name="hand" />{tile.hand}<span className="visually-hidden">. to ask for the word</span></p>
      )}
      <p className="tile-name">
        {isMuted && source === "camera" && (
          <span className="tile-muted" title={isMicrophoneHeld ? "Muted by a moderator" : "Muted"}>
            <Icon name="microphoneOff" />{isMicrophoneHeld && <Icon name="lock" />}
            <span className="visually-hidden">{isMicrophoneHeld ? "Muted by a moderator: " : "Muted: "}</span>
          </span>
        )}
        {source === "screen" && <Icon name="screen" />}
        <span data-testid="tile-name">{title}</span>
        {isModerator && source === "camera" && <span className="visually-hidden">, moderator</span>}
        {isSpeaking && <span className="visually-hidden">, speaking</span>}
        {isPinned && <><Icon name="pin" /><span className="visually-hidden">, pinned</span></>}
      </p>
      <TileMenu
        name={title} userID={isOwn ? undefined : tile.userID} isPinned={isPinned} onPin={() => onPin(tile.key)}
        floats={hasVideo && !isOwn ? tile : undefined}
      >
        {moderation}
      </TileMenu>
    </li>
  );
}, (before, after) =>
  before.user === after.user && before.track === after.track && before.isPinned === after.isPinned
  && before.isModerator === after.isModerator && (before.moderation === undefined) === (after.moderation === undefined)
  && (Object.keys(after.tile) as (keyof Tile)[]).every((key) => before.tile[key] === after.tile[key]));
