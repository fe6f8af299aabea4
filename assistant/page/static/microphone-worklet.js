// Collects half a second of sound and hands it to the page, and twelve times a second how loud it is (0 to 1).
class Collector extends AudioWorkletProcessor {
  constructor() {
    super();
    this.chunk = new Float32Array(Math.round(sampleRate / 2));
    this.filled = 0;
    this.levelEvery = Math.round(sampleRate / 12);
    this.seen = 0;
    this.loudest = 0;
  }

  process(inputs) {
    const channel = inputs[0][0];
    if (!channel) return true;
    for (const sample of channel) {
      this.loudest = Math.max(this.loudest, Math.abs(sample));
      if (++this.seen === this.levelEvery) {
        this.port.postMessage({ level: this.loudest });
        this.seen = 0;
        this.loudest = 0;
      }
      this.chunk[this.filled++] = sample;
      if (this.filled === this.chunk.length) {
        this.port.postMessage({ samples: this.chunk.slice() });
        this.filled = 0;
      }
    }
    return true;
  }
}
registerProcessor("collector", Collector);
