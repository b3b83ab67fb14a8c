import { decibelsOf, meterPlace } from "../core/voiceGate";

/** Milliseconds between two looks. */
const lookInterval = 60;

/** Tells how loud a track is, in 0...1, until the answer is called. */
export function meterLevel(track: MediaStreamTrack, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  void context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let shown = 0;
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const level = meterPlace(decibelsOf(power));
    // It rises at once and falls slowly, as meters do: a glance is enough.
    shown = Math.max(level, shown * 0.85);
    tell(shown);
  }, lookInterval);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
