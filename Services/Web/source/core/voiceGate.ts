/** How one's voice gets into a call: always, while it is louder than a threshold, or while a key is held. */
export type TalkMode = "open" | "gate" | "key";

/** Loudness in decibels of full scale that meters show as nothing, and as all; thresholds are between them. */
export const meterRange = { quietest: -60, loudest: -12 } as const;

/** Speech that is near, and not the fan of the machine. */
export const defaultThreshold = -45;

export const gateTimes = {
  /** Milliseconds of loudness that open it: a click of the keyboard is shorter than most sounds of speech. */
  attack: 20,
  /** Milliseconds that it stays open after the last loud moment: words have pauses. */
  hold: 300,
  /** Milliseconds from silence to full sound and back, so that neither clicks. */
  rise: 5,
  fall: 60,
} as const;

/** Decibels below the threshold at which an open gate still takes a moment for loud: voices waver. */
export const gateHysteresis = 6;

export interface Gate {
  isOpen: boolean;
  /** Milliseconds for which it has been loud, and since it was. */
  loudFor: number;
  quietFor: number;
}

export const closedGate: Gate = { isOpen: false, loudFor: 0, quietFor: 0 };

/** The gate after so many milliseconds of this loudness. Loudness and threshold are in decibels of full scale. */
export function stepGate(gate: Gate, loudness: number, threshold: number, milliseconds: number): Gate {
  const isLoud = loudness >= (gate.isOpen ? threshold - gateHysteresis : threshold);
  const loudFor = isLoud ? gate.loudFor + milliseconds : 0;
  const quietFor = isLoud ? 0 : gate.quietFor + milliseconds;
  return { isOpen: gate.isOpen ? quietFor < gateTimes.hold : loudFor >= gateTimes.attack, loudFor, quietFor };
}

/** What samples are multiplied by, in 0...1, so many milliseconds later. */
export function stepGain(gain: number, isOpen: boolean, milliseconds: number): number {
  return isOpen ? Math.min(1, gain + milliseconds / gateTimes.rise) : Math.max(0, gain - milliseconds / gateTimes.fall);
}

/** The loudness of samples whose squares have this mean; silence is far below any threshold. */
export function decibelsOf(meanSquare: number): number {
  return 10 * Math.log10(meanSquare + 1e-12);
}

/** Where a loudness is on a meter, in 0...1. */
export function meterPlace(decibels: number): number {
  const { quietest, loudest } = meterRange;
  return Math.min(1, Math.max(0, (decibels - quietest) / (loudest - quietest)));
}
