/** The doctor's end of the bench of sound: the viewer's own parts, and ears for what an ordinary track gives. */

import { Requests } from "../../kiosk_ui/src/core/requests.js";
import { Backfill } from "../../kiosk_ui/src/core/sound/backfill.js";
import { intact, parseBlock } from "../../kiosk_ui/src/core/sound/block.js";
import type { PlayoutReport } from "../../kiosk_ui/src/core/sound/playout.js";
import { StethoscopeReceiver } from "../../kiosk_ui/src/core/sound/receiver.js";
import type { Tapped } from "../../kiosk_ui/src/core/sound/worklet.js";

const receiver = new StethoscopeReceiver();
const late: Record<string, number[]> = { stethoscope: [], ordered: [] }; // ms from capture to arrival, by clocks that differ
const heard: [number, number][] = []; // this page's time, and the capture of the sample that is heard then
let connection: RTCPeerConnection | null = null;
let control: RTCDataChannel | null = null;
let context: AudioContext | null = null;
let node: AudioWorkletNode | null = null;
let report: PlayoutReport | null = null;
let tapped: Tapped[] | null = null;
let track: MediaStreamTrack | null = null;
const wall = (): number => performance.timeOrigin + performance.now();
const requests = new Requests(
  (message) => {
    if (control?.readyState !== "open") return false;
    control.send(JSON.stringify(message));
    return true;
  },
  () => undefined,
);
const backfill = new Backfill((stream, sequence, count) => requests.blocks(stream, sequence, count));
let filling = true;
setInterval(() => {
  requests.tick(performance.now());
  if (filling) void backfill.tick(receiver.streams, performance.now());
}, 500);

async function take(label: string, data: ArrayBuffer): Promise<void> {
  const block = parseBlock(data);
  if (!block) return;
  const now = wall();
  const lateness = now - block.capture_ms;
  const stream = receiver.current;
  const fresh = !stream || block.first + 160 > stream.end - stream.rate;
  if (label === "ordered" || fresh) late[label]?.push(lateness);
  if (label === "ordered") return;
  const verdict = receiver.put(block, await intact(block));
  const { first, samples, rate } = block;
  if (verdict === "kept" && fresh) node?.port.postMessage({ stream: block.stream, rate, first, samples });
}

/** Without an element that plays it, Chromium lets a track's buffer run full. */
function playing(heard: MediaStreamTrack): MediaStreamTrack {
  const element = document.createElement("audio");
  element.srcObject = new MediaStream([heard]);
  element.muted = true;
  document.body.append(element);
  void element.play();
  return heard;
}

function listen(pc: RTCPeerConnection): void {
  pc.ontrack = (event) => (track = playing(event.track));
  pc.ondatachannel = ({ channel }) => {
    channel.binaryType = "arraybuffer";
    if (channel.label === "control") {
      control = channel;
      channel.onmessage = ({ data }) => requests.take(data as string, performance.now());
    } else channel.onmessage = ({ data }) => typeof data !== "string" && void take(channel.label, data);
  };
}

async function answer(offer: RTCSessionDescriptionInit): Promise<object> {
  connection?.close();
  connection = new RTCPeerConnection({ iceServers: [] });
  listen(connection);
  await connection.setRemoteDescription(offer);
  await connection.setLocalDescription(await connection.createAnswer());
  await new Promise((done) => setTimeout(done, 200)); // its candidates
  const { type, sdp } = connection.localDescription as RTCSessionDescription;
  return { type, sdp };
}

async function play(): Promise<void> {
  context = new AudioContext({ sampleRate: 48_000, latencyHint: "interactive" });
  const code = await (await fetch("worklet.js")).blob(); // a worklet's own request is not one that a test may answer
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  await context.resume();
  node = new AudioWorkletNode(context, "stethoscope", { numberOfInputs: 0, outputChannelCount: [1] });
  node.connect(context.destination);
  node.port.onmessage = ({ data }: MessageEvent<PlayoutReport | Tapped>) => {
    if ("samples" in data) return void tapped?.push(data);
    report = data;
    const stream = receiver.current;
    if (stream && report.playing && report.position !== null) heard.push([wall(), stream.instant(report.position)]);
  };
}

function base64(values: Float32Array | Float64Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** What the worklet gave in so many seconds: samples, and the number of the unit's sample behind each. */
async function tap(seconds: number): Promise<object> {
  tapped = [];
  node?.port.postMessage({ tap: true });
  await new Promise((done) => setTimeout(done, seconds * 1000));
  node?.port.postMessage({ tap: false });
  const pieces = tapped;
  tapped = null;
  return pieces.map(({ samples, positions }) => [base64(samples), base64(positions)]);
}

/** What an ordinary audio track gives in so many seconds: its first channel. */
async function ordinary(seconds: number, from: MediaStreamTrack | null = track): Promise<object> {
  // @ts-expect-error it is Chromium's, and not in the library of types
  const reader = new MediaStreamTrackProcessor({ track: from }).readable.getReader();
  const pieces: string[] = [];
  let rate = 0;
  let begin: number | null = null;
  for (;;) {
    const { value } = await reader.read();
    begin ??= value.timestamp as number;
    const samples = new Float32Array(value.numberOfFrames as number);
    value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    pieces.push(base64(samples));
    rate = value.sampleRate;
    const over = value.timestamp - begin > seconds * 1e6;
    value.close();
    if (over) break;
  }
  await reader.cancel();
  return { rate, pieces };
}

/** Chromium's own sender, from its microphone (processing off) to itself. */
async function microphone(seconds: number): Promise<object> {
  const off = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: off });
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  a.onicecandidate = ({ candidate }) => void b.addIceCandidate(candidate ?? undefined);
  b.onicecandidate = ({ candidate }) => void a.addIceCandidate(candidate ?? undefined);
  const got = new Promise<MediaStreamTrack>((done) => (b.ontrack = (event) => done(playing(event.track))));
  a.addTrack(stream.getAudioTracks()[0] as MediaStreamTrack, stream);
  await a.setLocalDescription(await a.createOffer());
  await b.setRemoteDescription(a.localDescription as RTCSessionDescription);
  await b.setLocalDescription(await b.createAnswer());
  await a.setRemoteDescription(b.localDescription as RTCSessionDescription);
  const remote = await got;
  await new Promise((done) => setTimeout(done, 5000));
  const said = await ordinary(seconds, remote);
  a.close();
  b.close();
  return said;
}

function counts(): object {
  const latency_ms = ((context?.baseLatency ?? 0) + (context?.outputLatency ?? 0)) * 1000;
  const { corrupt, proven } = receiver;
  const said = { streams: receiver.counts, corrupt, proven, report, late, heard, latency_ms, gone: backfill.lost };
  const copy = structuredClone(said);
  late["stethoscope"] = [];
  late["ordered"] = [];
  heard.splice(0);
  return { ...copy, wall: wall() };
}

const fill = (on: boolean): void => void (filling = on);

Object.assign(globalThis, { bench: { answer, play, tap, ordinary, microphone, counts, fill } });
