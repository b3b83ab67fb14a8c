/** One sound of a pattern: from, for (seconds), and its pitches (hertz). */
interface Note {
  at: number;
  length: number;
  pitches: readonly number[];
}

export interface Pattern {
  notes: readonly Note[];
  /** Seconds after which it begins again. */
  period: number;
  /** In 0...1. */
  loudness: number;
}

/** A call that comes in: a rising third, twice, as a bird would. */
export const incomingPattern: Pattern = {
  notes: [
    { at: 0, length: 0.22, pitches: [659.3] }, { at: 0.2, length: 0.42, pitches: [830.6] },
    { at: 0.75, length: 0.22, pitches: [659.3] }, { at: 0.95, length: 0.5, pitches: [987.8] },
  ],
  period: 2.6,
  loudness: 0.22,
};

/** Word for the caller that it rings over there (ITU-T E.180: 425 Hz, one second of five). */
export const ringbackPattern: Pattern = { notes: [{ at: 0, length: 1, pitches: [425] }], period: 5, loudness: 0.06 };

/** Plays a pattern until the answer is called. A browser that allows no sound before a click stays silent. */
export function play(pattern: Pattern): () => void {
  const context = new AudioContext();
  void context.resume();
  const bar = () => { for (const note of pattern.notes) sound(context, note, pattern.loudness); };
  bar();
  const timer = setInterval(bar, pattern.period * 1000);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

/** Swells and fades within a few milliseconds, or it would click. */
function sound(context: AudioContext, { at, length, pitches }: Note, loudness: number): void {
  const start = context.currentTime + at;
  for (const pitch of pitches) {
    const [oscillator, volume] = [context.createOscillator(), context.createGain()];
    oscillator.type = "triangle";
    oscillator.frequency.value = pitch;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(loudness, start + 0.02);
    volume.gain.setValueAtTime(loudness, start + length - 0.06);
    volume.gain.linearRampToValueAtTime(0, start + length);
    oscillator.connect(volume).connect(context.destination);
    oscillator.start(start);
    oscillator.stop(start + length);
  }
}
