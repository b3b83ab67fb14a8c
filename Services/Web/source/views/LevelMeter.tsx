import { useEffect, useRef } from "react";
import { meterLevel } from "../shell/levelMeter";

interface LevelMeterProps {
  track: MediaStreamTrack;
  /** Where on it sound begins to be heard, in 0...1. */
  threshold?: number;
}

/** How loud the microphone hears the person: a bar that moves without the page being rendered anew. */
export function LevelMeter({ track, threshold = 0 }: LevelMeterProps) {
  const element = useRef<HTMLDivElement>(null);
  const mark = useRef(threshold);
  mark.current = threshold;
  useEffect(() => meterLevel(track, (level) => {
    element.current?.style.setProperty("--level", level.toFixed(3));
    element.current?.setAttribute("aria-valuenow", String(Math.round(level * 100)));
    element.current?.classList.toggle("unheard", level < mark.current);
  }), [track]);
  return (
    <div
      ref={element} className="level" role="meter" aria-label="Level of your microphone" aria-valuemin={0} aria-valuemax={100}
      aria-valuenow={0} data-testid="prejoin-level"
    >
      <span />
    </div>
  );
}
