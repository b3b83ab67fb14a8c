import { closedGate, decibelsOf, defaultThreshold, gateTimes, stepGain, stepGate } from "../core/voiceGate";

// What the scope of an audio worklet has (W3C Web Audio API, §1.32), as far as it is used here.
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare const sampleRate: number;
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

/** Samples that are looked at together: 10 ms hold a whole wave of the lowest voice. */
const windowLength = Math.round(sampleRate / 100);
const windowMilliseconds = windowLength * 1000 / sampleRate;

/**
 * Lets sound through while it is loud. It runs on the thread of the sound, where a page out of sight is no slower. The
 * sound is held back for as long as the gate takes to open, so that the beginning of a word is heard.
 */
class VoiceGateProcessor extends AudioWorkletProcessor {
  private threshold: number = defaultThreshold;
  private gate = closedGate;
  private gain = 0;
  private squares = 0;
  private count = 0;
  private readonly delayed = new Float32Array(Math.ceil(gateTimes.attack / windowMilliseconds + 1) * windowLength);
  private place = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<number>) => { this.threshold = data; };
  }

  process([input]: Float32Array[][], [output]: Float32Array[][]): boolean {
    const [sound, heard] = [input?.[0], output?.[0]];
    if (!heard) return true;
    for (let index = 0; index < heard.length; index += 1) {
      const sample = sound?.[index] ?? 0;
      this.look(sample);
      this.gain = stepGain(this.gain, this.gate.isOpen, 1000 / sampleRate);
      heard[index] = (this.delayed[this.place] ?? 0) * this.gain;
      this.delayed[this.place] = sample;
      this.place = (this.place + 1) % this.delayed.length;
    }
    return true;
  }

  private look(sample: number): void {
    this.squares += sample * sample;
    this.count += 1;
    if (this.count < windowLength) return;
    this.gate = stepGate(this.gate, decibelsOf(this.squares / this.count), this.threshold, windowMilliseconds);
    this.squares = 0;
    this.count = 0;
  }
}

registerProcessor("voice-gate", VoiceGateProcessor);
