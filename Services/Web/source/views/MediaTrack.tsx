import { useLayoutEffect, useRef } from "react";
import type { RefObject } from "react";

interface VideoProps {
  track: MediaStreamTrack;
  isMirrored?: boolean;
  label: string;
  testID?: string;
}

/** The picture of a track. Sound comes from elsewhere, so it is always silent. */
export function Video({ track, isMirrored = false, label, testID }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null);
  useTrack(element, track);
  return (
    <video
      ref={element} className={isMirrored ? "mirrored" : undefined} autoPlay playsInline muted aria-label={label}
      data-testid={testID} disablePictureInPicture={isMirrored}
    />
  );
}

/** Plays a track in a media element. An element that shows a new track of the same place does not flicker. */
export function useTrack(element: RefObject<HTMLMediaElement>, track: MediaStreamTrack): void {
  useLayoutEffect(() => {
    if (element.current) element.current.srcObject = new MediaStream([track]);
  }, [track]);
  useLayoutEffect(() => () => {
    // A removed element would go on decoding until it is collected.
    if (element.current) element.current.srcObject = null;
  }, []);
}
