import { memo } from "react";
import type { User } from "../core/contracts";
import type { Tile } from "../core/tiles";
import { Avatar, tintOf } from "./Avatar";
import { Icon } from "./icons";
import { Video } from "./MediaTrack";

interface CallTileProps {
  tile: Tile;
  user: User | undefined;
  track: MediaStreamTrack | undefined;
}

/** A person of the call, or the screen somebody shares. */
export const CallTile = memo(function CallTile({ tile, user, track }: CallTileProps) {
  const { source, isOwn, isSpeaking, isMuted } = tile;
  const name = user?.displayName ?? "Somebody";
  const title = source === "screen" ? `${name}'s screen` : isOwn ? "You" : name;
  const hasVideo = tile.hasVideo && track !== undefined;
  const videoLabel = source === "screen" ? title : `Camera of ${name}`;
  return (
    <li
      className={`call-tile ${source} tint-${tintOf(user?.id ?? "")}`} data-testid="call-tile"
      data-participant-id={tile.participantID} data-user-id={tile.userID} data-source={source}
      data-speaking={isSpeaking} data-muted={isMuted} data-video={hasVideo} data-own={isOwn}
    >
      {hasVideo
        ? <Video track={track} isMirrored={isOwn} label={videoLabel} testID="tile-video" />
        : <Avatar user={user} size="large" />}
      <p className="tile-name">
        {isMuted && source === "camera" && (
          <span className="tile-muted"><Icon name="microphoneOff" /><span className="visually-hidden">Muted: </span></span>
        )}
        {source === "screen" && <Icon name="screen" />}
        <span data-testid="tile-name">{title}</span>
        {isSpeaking && <span className="visually-hidden">, speaking</span>}
      </p>
    </li>
  );
}, (before, after) =>
  before.user === after.user && before.track === after.track
  && (Object.keys(after.tile) as (keyof Tile)[]).every((key) => before.tile[key] === after.tile[key]));
