/** A WebSocket that opens itself again, and that gives up one that has gone silent without saying so. */

import { Backoff } from "./backoff.js";

export interface SocketEvents {
  open?: () => void;
  message: (text: string) => void;
  /** It was open and is not any more. */
  lost?: () => void;
}

export interface SocketOptions {
  /** A longer silence means a dead link, ms; none: silence is normal. */
  quiet?: number;
  backoff?: Backoff;
}

export class Socket {
  #url: string;
  #events: SocketEvents;
  #quiet: number | null;
  #backoff: Backoff;
  #socket: WebSocket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(url: string, events: SocketEvents, options: SocketOptions = {}) {
    this.#url = url;
    this.#events = events;
    this.#quiet = options.quiet ?? null;
    this.#backoff = options.backoff ?? new Backoff();
    this.#connect();
  }

  get open(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** False when it is not open: nothing is queued, what was not sent is the caller's to say again. */
  send(text: string): boolean {
    if (!this.open) return false;
    this.#socket?.send(text);
    return true;
  }

  /** Leave this connection and begin another at once. */
  again(): void {
    this.#drop();
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  #connect(): void {
    clearTimeout(this.#retry);
    if (this.#stopped) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#listen();
      this.#events.open?.();
    };
    socket.onmessage = (event: MessageEvent) => {
      this.#backoff.worked();
      this.#listen();
      if (typeof event.data === "string") this.#events.message(event.data);
    };
    socket.onclose = () => this.#lost();
    this.#listen();
  }

  #listen(): void {
    if (this.#quiet === null) return;
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lost(), this.#quiet);
  }

  #lost(): void {
    this.#drop();
    this.#events.lost?.();
    if (!this.#stopped) this.#retry = setTimeout(() => this.#connect(), this.#backoff.next());
  }

  /** The old socket's late events must not be taken for the new one's. */
  #drop(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
