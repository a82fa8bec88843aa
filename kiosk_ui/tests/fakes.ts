/** A WebSocket and an RTCPeerConnection that do what a test tells them. */

import { vi } from "vitest";

export class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  static get last(): FakeSocket {
    return FakeSocket.made.at(-1) as FakeSocket;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = 3;
  }

  /** The server's side. */
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  drops(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

interface Channel {
  label: string;
  readyState: string;
  sent: string[];
  send: (text: string) => void;
  onmessage: ((event: { data: unknown }) => void) | null;
}

export class FakePeer {
  static made: FakePeer[] = [];
  connectionState = "new";
  signalingState = "stable";
  remoteDescription: unknown = null;
  localDescription: unknown = null;
  candidates: unknown[] = [];
  channels = new Map<string, Channel>();
  ondatachannel: ((event: { channel: unknown }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;

  constructor(readonly configuration: RTCConfiguration) {
    FakePeer.made.push(this);
  }

  static get last(): FakePeer {
    return FakePeer.made.at(-1) as FakePeer;
  }

  setRemoteDescription = (description: unknown): Promise<void> =>
    Promise.resolve(void (this.remoteDescription = description));
  createOffer = (): Promise<object> => Promise.resolve({ type: "offer", sdp: "restart" });
  createAnswer = (): Promise<object> => Promise.resolve({ type: "answer", sdp: "ours" });
  setLocalDescription = (description: unknown): Promise<void> =>
    Promise.resolve(void (this.localDescription = description));
  addIceCandidate = (candidate: unknown): Promise<void> => Promise.resolve(void this.candidates.push(candidate));
  getReceivers = (): never[] => [];

  close(): void {
    this.signalingState = this.connectionState = "closed";
  }

  /** The unit's side. */
  opens(label: string): Channel {
    const channel: Channel = {
      label,
      readyState: "open",
      sent: [],
      onmessage: null,
      send: (text) => void channel.sent.push(text),
    };
    this.channels.set(label, channel);
    this.ondatachannel?.({ channel });
    return channel;
  }

  says(label: string, message: object): void {
    (this.channels.get(label) ?? this.opens(label)).onmessage?.({ data: JSON.stringify(message) });
  }

  fails(): void {
    this.connectionState = "failed";
    this.onconnectionstatechange?.();
  }
}

/** Puts the fakes, and a clock that a test moves, in place of the browser's. */
export function useFakes(): void {
  FakeSocket.made = [];
  FakePeer.made = [];
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("RTCPeerConnection", FakePeer);
}

export const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
