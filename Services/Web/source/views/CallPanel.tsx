import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { CSSProperties, RefObject } from "react";
import type { ActiveCall } from "../core/call-model";
import { isModerator } from "../core/call-rights";
import type { Channel, ParticipantID } from "../core/contracts";
import { myID, titleOf } from "../core/selectors";
import { outgoingRing } from "../core/rings";
import { dominantOf, stageOf } from "../core/stage";
import type { CallView } from "../core/stage";
import { bestGrid, tilesOf } from "../core/tiles";
import type { Tile } from "../core/tiles";
import { Audience } from "./Audience";
import { CallControls } from "./CallControls";
import { CallTile } from "./CallTile";
import { useAppState, useClient, useLocalMedia } from "./context";
import { IconButton } from "./Controls";
import { Moderation } from "./Moderation";
import { QualityButton } from "./QualityPanel";

/** Pixels between tiles; the style sheet uses the same. */
const gap = 8;

/** The call of the channel in view, above its messages. */
export function CallPanel({ call, channel }: { call: ActiveCall; channel: Channel }) {
  const state = useAppState();
  const [isExpanded, setExpanded] = useState(false);
  const [view, setView] = useState<CallView>("grid");
  const [pinned, setPinned] = useState<string>();
  const dominant = useRef<string>();
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // The button that led here is gone.
    if (document.activeElement === document.body) panel.current?.focus();
  }, []);
  const tiles = tilesOf(call, myID(state));
  dominant.current = dominantOf(tiles, call.speakers, dominant.current);
  const { large, small } = stageOf(tiles, view, pinned, dominant.current);
  const places = {
    pinned, moderated: isModerator(call) ? channel : undefined,
    moderators: call.remote?.moderators ?? [], onPin: (key: string) => setPinned(key === pinned ? undefined : key),
  };
  return (
    <section
      ref={panel} tabIndex={-1} className={isExpanded ? "call-panel expanded" : "call-panel"}
      aria-label={`Call in ${titleOf(state, channel)}`} data-testid="call-panel" data-state={call.phase}
      data-kind={channel.kind} data-view={view}
    >
      <div className={large.length > 0 ? "call-stage with-large" : "call-stage"}>
        {large.length > 0 && <Tiles tiles={large} label="Large view" className="large" {...places} />}
        {small.length > 0 && <Tiles tiles={small} label="People in the call" className="people" {...places} />}
        <CallStatus call={call} />
      </div>
      <Audience call={call} channel={channel} />
      <div className="call-foot">
        <QualityButton peer={call.peer} />
        <CallControls call={call} />
        <div className="call-views">
          <IconButton
            icon={view === "grid" ? "speaker" : "grid"} testID="call-view"
            label={view === "grid" ? "Show who speaks large" : "Show all alike"}
            onClick={() => { setView(view === "grid" ? "speaker" : "grid"); setPinned(undefined); }}
          />
          <IconButton
            icon={isExpanded ? "shrink" : "expand"} label="Large view" testID="call-expand" isPressed={isExpanded}
            onClick={() => setExpanded(!isExpanded)}
          />
        </div>
      </div>
    </section>
  );
}

interface TilesProps {
  tiles: Tile[];
  label: string;
  className: string;
  pinned: string | undefined;
  onPin: (key: string) => void;
  /** The channel whose call the person may moderate. */
  moderated: Channel | undefined;
  moderators: readonly ParticipantID[];
}

function Tiles({ tiles, label, className, pinned, onPin, moderated, moderators }: TilesProps) {
  const state = useAppState();
  const { caller } = useClient();
  const { tracks } = useLocalMedia();
  const element = useRef<HTMLUListElement>(null);
  const size = useSize(element);
  const grid = bestGrid(tiles.length, size.width, size.height, gap);
  const style = {
    "--columns": grid.columns, "--tile-width": `${grid.tileWidth}px`, "--tile-height": `${grid.tileHeight}px`,
  } as CSSProperties;
  return (
    <ul ref={element} className={`call-tiles ${className}`} aria-label={label} style={style}>
      {tiles.map((tile) => (
        <CallTile
          key={tile.key} tile={tile} user={state.users[tile.userID ?? ""]} isPinned={tile.key === pinned} onPin={onPin}
          isModerator={moderators.includes(tile.participantID)}
          moderation={moderated && (
            <Moderation tile={tile} channel={moderated} isModerator={moderators.includes(tile.participantID)} />
          )}
          track={tile.isOwn ? tracks.camera : tile.mid === undefined ? undefined : caller.remoteTrack(tile.mid)}
        />
      ))}
    </ul>
  );
}

/** What the person waits for; the sound of those already heard goes on underneath. */
function CallStatus({ call }: { call: ActiveCall }) {
  return (
    <div className="call-status" role="status">
      {call.phase !== "connected" && <p><span className="connection-dot" />{phaseWords(call)}</p>}
      {call.phase === "connected" && <RingingWords />}
    </div>
  );
}

/** For the caller: that it rings over there. */
function RingingWords() {
  const state = useAppState();
  const ring = outgoingRing(state);
  if (!ring) return null;
  return <p data-testid="ringing">Ringing {state.users[ring.calleeID]?.displayName ?? ""}…</p>;
}

export function phaseWords({ phase }: ActiveCall): string {
  switch (phase) {
    case "joining": return "Joining…";
    case "connecting": return "Connecting…";
    case "connected": return "In the call";
    case "reconnecting": return "Reconnecting…";
  }
}

function useSize(element: RefObject<HTMLElement>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    if (!element.current) return undefined;
    const measure = ({ width, height }: { width: number; height: number }) => setSize((known) =>
      known.width === width && known.height === height ? known : { width, height });
    measure({ width: element.current.clientWidth, height: element.current.clientHeight });
    const observer = new ResizeObserver(([entry]) => { if (entry) measure(entry.contentRect); });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return size;
}
