import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import type { UserID } from "../core/contracts";
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
  /** The picture that can be put in a window of its own. */
  video: () => HTMLVideoElement | null;
  children?: ReactNode;
}

/** What can be done with a tile: pin it, float its picture, set how loud the person is. */
export function TileMenu({ name, userID, isPinned, onPin, video, children }: TileMenuProps) {
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
  const picture = isOpen ? video() : null;
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
          {picture && document.pictureInPictureEnabled && (
            <button type="button" data-testid="tile-float" onClick={() => { float(picture); setOpen(false); }}>
              <Icon name="float" />Picture in picture
            </button>
          )}
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

/** Floats a picture above other windows, or takes it back. What the browser refuses stays where it is. */
function float(video: HTMLVideoElement): void {
  const isFloating = document.pictureInPictureElement === video;
  const done: Promise<unknown> = isFloating ? document.exitPictureInPicture() : video.requestPictureInPicture();
  void done.catch(() => undefined);
}
