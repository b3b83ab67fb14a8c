import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import type { ReactNode } from "react";
import type { UserID } from "../core/contracts";
import type { Floated } from "../core/shown";
import { useClient, useLocalMedia } from "./context";
import { Icon } from "./icons";

/** Pixels. */
const margin = 6;

interface TileMenuProps {
  name: string;
  /** Whose volume it sets; nothing for one's own tile. */
  userID: UserID | undefined;
  isPinned: boolean;
  onPin: () => void;
  /** The picture that can be put in a window of its own; nothing without one, and for one's own. */
  floats: Floated | undefined;
  children?: ReactNode;
}

/** What can be done with a tile: pin it, float its picture, set how loud the person is. */
export function TileMenu({ name, userID, isPinned, onPin, floats, children }: TileMenuProps) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const closeOutside = (event: Event) => {
      if (event.target instanceof Node && !place.current?.contains(event.target)) setOpen(false);
    };
    addEventListener("pointerdown", closeOutside);
    addEventListener("focusin", closeOutside);
    return () => {
      removeEventListener("pointerdown", closeOutside);
      removeEventListener("focusin", closeOutside);
    };
  }, [isOpen]);
  // Beside its button, but inside the page: small tiles would cut it off.
  useLayoutEffect(() => {
    const [box, anchor] = [list.current, button.current?.getBoundingClientRect()];
    if (!isOpen || !box || !anchor) return;
    box.style.top = `${Math.max(margin, Math.min(anchor.bottom + margin, innerHeight - box.offsetHeight - margin))}px`;
    box.style.left = `${Math.max(margin, anchor.right - box.offsetWidth)}px`;
  }, [isOpen]);
  return (
    <div
      ref={place} className={isOpen ? "tile-menu open" : "tile-menu"}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.stopPropagation();
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button
        type="button" ref={button} className="tile-more" aria-label={`More about ${name}`} aria-expanded={isOpen}
        data-testid="tile-more" onClick={() => setOpen(!isOpen)}
      >
        <Icon name="more" />
      </button>
      {isOpen && (
        <div ref={list} className="tile-actions">
          {userID !== undefined && <Volume userID={userID} name={name} />}
          <button type="button" data-testid="tile-pin" aria-pressed={isPinned} onClick={() => { onPin(); setOpen(false); }}>
            <Icon name="pin" />{isPinned ? "Unpin" : "Pin"}
          </button>
          {floats && document.pictureInPictureEnabled && <Float picture={floats} onDone={() => setOpen(false)} />}
          <div className="tile-choices" onClick={() => setOpen(false)}>{children}</div>
        </div>
      )}
    </div>
  );
}

function Volume({ userID, name }: { userID: UserID; name: string }) {
  const { media } = useClient().caller;
  const volume = useLocalMedia().choices.volumes[userID] ?? 1;
  return (
    <label className="tile-volume">
      <span>Volume</span>
      <input
        type="range" min={0} max={100} step={5} value={Math.round(volume * 100)} aria-label={`Volume of ${name}`}
        data-testid="tile-volume" onChange={(event) => media.chooseVolume(userID, Number(event.currentTarget.value) / 100)}
      />
    </label>
  );
}

/** Floats a picture above other windows, or takes it back. */
function Float({ picture, onDone }: { picture: Floated; onDone: () => void }) {
  const { floating } = useClient().caller;
  const floated = useSyncExternalStore(floating.subscribe, floating.getState);
  const isFloating = floated?.participantID === picture.participantID && floated.source === picture.source;
  return (
    <button
      type="button" data-testid="tile-float" aria-pressed={isFloating}
      onClick={() => {
        if (isFloating) floating.end();
        else void floating.float(picture);
        onDone();
      }}
    >
      <Icon name="float" />{isFloating ? "End picture in picture" : "Picture in picture"}
    </button>
  );
}
