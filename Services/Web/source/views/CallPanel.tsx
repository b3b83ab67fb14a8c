import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { CSSProperties, RefObject } from "react";
import type { ActiveCall } from "../core/call-model";
import type { Channel } from "../core/contracts";
import { myID, titleOf } from "../core/selectors";
import { bestGrid, tilesOf } from "../core/tiles";
import type { Tile } from "../core/tiles";
import { CallControls } from "./CallControls";
import { CallTile } from "./CallTile";
import { useAppState, useClient, useLocalMedia } from "./context";
import { IconButton } from "./Controls";

/** Pixels between tiles; the style sheet uses the same. */
const gap = 8;

/** The call of the channel in view, above its messages. */
export function CallPanel({ call, channel }: { call: ActiveCall; channel: Channel }) {
  const state = useAppState();
  const [isExpanded, setExpanded] = useState(false);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // The button that led here is gone.
    if (document.activeElement === document.body) panel.current?.focus();
  }, []);
  const tiles = tilesOf(call, myID(state));
  const screens = tiles.filter((tile) => tile.source === "screen");
  const people = tiles.filter((tile) => tile.source === "camera");
  return (
    <section
      ref={panel} tabIndex={-1} className={isExpanded ? "call-panel expanded" : "call-panel"}
      aria-label={`Call in ${titleOf(state, channel)}`} data-testid="call-panel" data-state={call.phase}
      data-kind={channel.kind}
    >
      <div className={screens.length > 0 ? "call-stage with-screen" : "call-stage"}>
        {screens.length > 0 && <Tiles tiles={screens} label="Shared screens" className="screens" />}
        <Tiles tiles={people} label="People in the call" className="people" />
        <CallStatus call={call} />
      </div>
      <div className="call-foot">
        <CallControls call={call} />
        <IconButton
          icon={isExpanded ? "shrink" : "expand"} label="Large view" testID="call-expand" isPressed={isExpanded}
          onClick={() => setExpanded(!isExpanded)}
        />
      </div>
    </section>
  );
}

function Tiles({ tiles, label, className }: { tiles: Tile[]; label: string; className: string }) {
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
          key={tile.key} tile={tile} user={state.users[tile.userID ?? ""]}
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
    </div>
  );
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
