import { useEffect, useRef, useState } from "react";
import { bitrateWords, lossWords, millisecondsWords, pathWords, pictureWords, qualityOf } from "../core/quality";
import type { Grade, Quality, QualitySample } from "../core/quality";
import { useClient } from "./context";

/** Milliseconds between two samples: long enough for a fraction of loss to mean something. */
const sampleInterval = 2_000;

const gradeWords: Readonly<Record<Grade, string>> = {
  unknown: "Connection", good: "Connection: good", fair: "Connection: fair", poor: "Connection: poor",
};

/** The quality of the call this tab is in, renewed every two seconds; nothing before there are two samples. */
function useQuality(peer: number): Quality | undefined {
  const { caller } = useClient();
  const [quality, setQuality] = useState<Quality>();
  useEffect(() => {
    let before: QualitySample | undefined;
    let isOver = false;
    const look = async () => {
      const after = await caller.qualitySample();
      if (isOver || !after) return;
      if (before) setQuality(qualityOf(before, after));
      before = after;
    };
    void look();
    const timer = setInterval(() => void look(), sampleInterval);
    return () => {
      isOver = true;
      clearInterval(timer);
      setQuality(undefined);
    };
  }, [peer]);
  return quality;
}

/** Bars that say how the connection is, and behind them the words and the numbers. */
export function QualityButton({ peer }: { peer: number }) {
  const quality = useQuality(peer);
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const grade = quality?.grade ?? "unknown";
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div className="quality" onKeyDown={(event) => { if (event.key === "Escape" && isOpen) { event.stopPropagation(); close(); } }}>
      <button
        type="button" ref={button} className="icon-button quality-button" data-grade={grade} aria-expanded={isOpen}
        aria-label={gradeWords[grade]} title={gradeWords[grade]} data-testid="call-quality" onClick={() => setOpen(!isOpen)}
      >
        <svg className="icon bars" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
          <path d="M5 20v-4" /><path d="M12 20v-9" /><path d="M19 20V5" />
        </svg>
      </button>
      {isOpen && <Figures quality={quality} grade={grade} />}
    </div>
  );
}

function Figures({ quality, grade }: { quality: Quality | undefined; grade: Grade }) {
  return (
    <section className="quality-panel" aria-label="Quality of the call" data-testid="quality-panel" data-grade={grade}>
      <h3>{grade === "unknown" ? "Measuring…" : gradeWords[grade]}</h3>
      {quality && (
        <>
          <p role="status">{quality.sentence}</p>
          <dl>
            <Line name="Path" words={pathWords(quality.path)} testID="quality-path" />
            <Line name="There and back" words={millisecondsWords(quality.roundTrip)} testID="quality-round-trip" />
            <Line name="Unevenness (jitter)" words={millisecondsWords(quality.jitter)} />
            <Line name="Lost on the way to you" words={lossWords(quality.received.loss)} testID="quality-loss" />
            <Line name="Lost of what you send" words={lossWords(quality.sent.loss)} />
            <Line name="Coming in" words={bitrateWords(quality.received.bitrate)} testID="quality-received" />
            <Line name="Going out" words={bitrateWords(quality.sent.bitrate)} />
            <Line name="Largest picture you get" words={pictureWords(quality.received)} />
            <Line name="Picture you send" words={pictureWords(quality.sent)} />
          </dl>
        </>
      )}
    </section>
  );
}

function Line({ name, words, testID }: { name: string; words: string; testID?: string }) {
  return <div><dt>{name}</dt><dd data-testid={testID}>{words}</dd></div>;
}
