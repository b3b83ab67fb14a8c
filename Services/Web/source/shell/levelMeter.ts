/** Milliseconds between two looks. */
const lookInterval = 60;

/** Loudness in decibels of full scale that shows as nothing, and as all. */
const [quietest, loudest] = [-60, -12];

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
    const decibels = 10 * Math.log10(power + 1e-12);
    const level = Math.min(1, Math.max(0, (decibels - quietest) / (loudest - quietest)));
    // It rises at once and falls slowly, as meters do: a glance is enough.
    shown = Math.max(level, shown * 0.85);
    tell(shown);
  }, lookInterval);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
