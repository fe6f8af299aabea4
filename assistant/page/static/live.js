// Camera and microphone: opened only after consent, sent over one WebSocket of the same origin, never stored.
// At most one frame is on its way at a time; frames that would have to wait are not made at all.

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES_PER_SECOND = 15;
const JPEG_QUALITY = 0.8;
const FRAME = 1;
const SOUND = 2;
const SOUND_WAIT_MS = 3000; // how long the first sound may take to arrive
const HEADER_BYTES = 13; // kind (1), time in seconds (float64), sample rate (uint32, 0 for a frame)

/** The text key that explains an error of getUserMedia, by the names of the Media Capture and Streams standard. */
export function problemOf(error, device) {
  if (!window.isSecureContext || !navigator.mediaDevices) return "err_insecure";
  const names = {
    NotFoundError: device === "camera" ? "err_nodevice" : "err_nomicrophone",
    OverconstrainedError: device === "camera" ? "err_nodevice" : "err_nomicrophone",
    NotAllowedError: "err_denied",
    SecurityError: "err_denied",
    NotReadableError: "err_busy",
    AbortError: "err_busy",
  };
  return names[error?.name] || "err_unknown";
}

export class Live {
  /** `onMessage(message)` gets what the server says, `onProblem(key, values)` what went wrong, `onChange()` on/off,
   * `onLevel(share)` how loud the microphone is, 0 to 1. */
  constructor(token, video, { onMessage, onProblem, onChange, onLevel }) {
    Object.assign(this, { token, video, onMessage, onProblem, onChange, onLevel });
    this.canvas = document.createElement("canvas");
    this.camera = null;
    this.sound = null;
    this.paused = false;
    this.moments = false;
    this.inFlight = false;
    this.socket = null;
    this.frames = 0;
  }

  get on() { return Boolean(this.camera || this.sound); }

  async toggle(device) {
    const running = device === "camera" ? this.camera : this.sound;
    if (running) return this.stop(device);
    try {
      if (!window.isSecureContext || !navigator.mediaDevices) throw new Error("insecure");
      if (device === "camera") await this.startCamera();
      else await this.startMicrophone();
    } catch (error) {
      this.stop(device);
      this.onProblem(error?.key || problemOf(error, device), { name: error?.name || "?" });
    }
    return this.onChange();
  }

  async startCamera() {
    const wanted = { width: { ideal: WIDTH }, height: { ideal: HEIGHT }, frameRate: { ideal: 30 } };
    this.camera = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    this.camera.getVideoTracks()[0].addEventListener("ended", () => this.lost("camera", "err_busy"));
    this.video.srcObject = this.camera;
    await this.video.play();
    await this.connect();
    this.inFlight = false;
    this.timer = setInterval(() => this.sendFrame(), 1000 / FRAMES_PER_SECOND);
  }

  async startMicrophone() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, autoGainControl: false } });
    const context = new AudioContext();
    this.opening = { stream, context };
    try {
      await this.connect();
      await context.audioWorklet.addModule(new URL("./microphone-worklet.js", import.meta.url).href);
      const collector = new AudioWorkletNode(context, "collector", { numberOfOutputs: 0 });
      context.createMediaStreamSource(stream).connect(collector);
      // WebKit starts a context suspended, and any browser may when the page was not touched: nothing arrives then.
      const arrived = new Promise((resolve, reject) => {
        collector.port.onmessage = resolve;
        setTimeout(() => reject(Object.assign(new Error("silent"), { key: "err_nosound" })), SOUND_WAIT_MS);
      });
      context.resume().catch(() => {});
      await arrived;
      this.sound = this.opening;
      collector.port.onmessage = ({ data }) => this.heard(data, context.sampleRate);
      stream.getAudioTracks()[0].addEventListener("ended", () => this.lost("microphone", "err_busy"));
      context.onstatechange = () => this.keepRunning(context);
    } finally {
      if (!this.sound) {
        stream.getTracks().forEach((track) => track.stop());
        context.close();
      }
      this.opening = null;
    }
  }

  /** A context that was interrupted (a call, a sleeping computer) is resumed; where that fails the person is told. */
  async keepRunning(context) {
    if (this.sound?.context !== context || context.state === "running" || context.state === "closed") return;
    await Promise.race([context.resume().catch(() => {}), new Promise((resolve) => setTimeout(resolve, SOUND_WAIT_MS))]);
    if (this.sound?.context === context && context.state !== "running") this.lost("microphone", "err_nosound");
  }

  heard({ level, samples }, sampleRate) {
    if (samples) this.sendSound(samples, sampleRate);
    else this.onLevel(this.paused ? 0 : level);
  }

  connect() {
    if (this.socket?.readyState === WebSocket.OPEN) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const failed = () => reject(Object.assign(new Error("socket"), { key: "err_socket" }));
      const socket = new WebSocket(new URL("live", document.baseURI).href.replace(/^http/, "ws"));
      socket.binaryType = "arraybuffer";
      // The token goes in the first message, not in the address, which servers and proxies write into logs.
      socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.token }));
      socket.onerror = failed;
      socket.onclose = () => { failed(); this.closed(socket); };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "ready") {
          if (this.moments) this.watchMoments(true);
          resolve();
        }
        else if (message.type === "problem") this.problem(socket, message);
        else this.received(message);
      };
      this.socket = socket;
    });
  }

  received(message) {
    if (message.type === "skipped") this.inFlight = false;
    if (message.type === "seen") {
      this.inFlight = false;
      this.frames += 1;
      this.video.dataset.frames = String(this.frames);
    }
    this.onMessage(message);
  }

  problem(socket, message) {
    socket.onclose = null;
    this.stopAll();
    this.onProblem(message.code, message.values || {});
    this.onChange();
  }

  closed(socket) {
    if (socket !== this.socket || !this.on) return;
    this.stopAll();
    this.onProblem("err_socket", {});
    this.onChange();
  }

  lost(device, key) {
    this.stop(device);
    this.onProblem(key, {});
    this.onChange();
  }

  sendFrame() {
    const { video, socket } = this;
    const ready = this.camera && !this.paused && !this.inFlight && socket?.readyState === WebSocket.OPEN;
    if (!ready || !video.videoWidth) return;
    this.inFlight = true;
    const scale = Math.min(1, WIDTH / video.videoWidth, HEIGHT / video.videoHeight);
    this.canvas.width = Math.round(video.videoWidth * scale);
    this.canvas.height = Math.round(video.videoHeight * scale);
    this.canvas.getContext("2d").drawImage(video, 0, 0, this.canvas.width, this.canvas.height);
    const seconds = performance.now() / 1000;
    this.canvas.toBlob(async (blob) => {
      // Paused or stopped while the picture was being made: it must not leave.
      if (!blob || !this.camera || this.paused || socket.readyState !== WebSocket.OPEN) { this.inFlight = false; return; }
      this.sendBinary(FRAME, seconds, 0, await blob.arrayBuffer());
    }, "image/jpeg", JPEG_QUALITY);
  }

  sendSound(samples, sampleRate) {
    if (!this.sound || this.paused || this.socket?.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > 500_000) return; // a slow line loses sound rather than piling it up
    const pcm = new Int16Array(samples.length);
    samples.forEach((sample, i) => { pcm[i] = Math.max(-1, Math.min(1, sample)) * 32767; });
    this.sendBinary(SOUND, performance.now() / 1000, Math.round(sampleRate), pcm.buffer);
  }

  sendBinary(kind, seconds, rate, payload) {
    const bytes = new Uint8Array(HEADER_BYTES + payload.byteLength);
    const header = new DataView(bytes.buffer);
    header.setUint8(0, kind);
    header.setFloat64(1, seconds, true);
    header.setUint32(9, rate, true);
    bytes.set(new Uint8Array(payload), HEADER_BYTES);
    this.socket.send(bytes);
  }

  /** Look for brief movements, or no longer; asked again where the connection is a new one. */
  watchMoments(on) {
    this.moments = on;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "moments", on }));
  }

  pause(on) {
    this.paused = on;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "pause", on }));
    if (on) this.video.pause();
    else if (this.camera) this.video.play();
    this.onChange();
  }

  stop(device) {
    if (device === "camera") {
      clearInterval(this.timer);
      this.camera?.getTracks().forEach((track) => track.stop());
      this.camera = null;
      this.video.srcObject = null;
    } else {
      this.sound?.stream.getTracks().forEach((track) => track.stop());
      this.sound?.context.close();
      this.sound = null;
    }
    if (!this.on) {
      this.paused = false;
      const { socket } = this;
      this.socket = null;
      socket?.close();
    }
    this.onChange();
  }

  stopAll() {
    this.stop("camera");
    this.stop("microphone");
  }
}
