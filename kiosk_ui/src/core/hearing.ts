/** Whether the room's microphone hears anything: asked of the browser before a patient comes, and let go at once. */

/** `heard`, `silent` (it gives nothing but zeros: muted or broken), `refused` by the browser, `missing`. */
export type Heard = "heard" | "silent" | "refused" | "missing";

const LISTEN_MS = 1500;
const LOOK_MS = 50;
const LIMIT_MS = 8000;

/** The largest sample, 0 to 1, of what the stream gives in `LISTEN_MS`. */
async function peak(stream: MediaStream, context: AudioContext): Promise<number> {
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let most = 0;
  for (let told = 0; told < LISTEN_MS; told += LOOK_MS) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) most = Math.max(most, Math.abs(sample));
  }
  return most;
}

async function listen(): Promise<Heard> {
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    return error instanceof DOMException && error.name === "NotAllowedError" ? "refused" : "missing";
  }
  const context = new AudioContext();
  try {
    await context.resume();
    return (await peak(stream, context)) > 0 ? "heard" : "silent"; // a living room is never digitally silent
  } finally {
    for (const track of stream.getTracks()) track.stop();
    void context.close();
  }
}

/** It never rejects, and never takes longer than 8 s: a browser that does not answer has no microphone for us. */
export async function hear(): Promise<Heard> {
  if (!navigator.mediaDevices) return "missing";
  const late = new Promise<Heard>((done) => setTimeout(() => done("missing"), LIMIT_MS));
  return Promise.race([listen().catch((): Heard => "missing"), late]);
}
