"""What is live now, for whoever watches: kiosk screens and remote peers.

Messages are those of docs/protocol.md, section 5. Each receiver has a bounded queue of its own: a message replaces the
waiting one with the same key, waveforms are dropped oldest first and counted. A slow or dead receiver costs a few
kilobytes, whatever the rate.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from appliance import clock

Message = dict[str, Any]

# What tells two messages of one type apart; types that are not here have no state (beat, waveform, wiped).
KEYS: dict[str, tuple[str, ...]] = {
    "dossier": ("id",),
    "device": ("key",),
    "numeric": ("device", "metric"),
    "notice": ("device",),
    "procedure": ("device",),
    "source": ("key",),
    "peer": ("peer",),
    "unknown": ("id",),
    "result": ("id",),
    "consultation": (),
    "auscultation": (),
    "thumbnail": ("id",),
    "quarantine": ("id",),
    "outbox": (),
    "unit": (),
    "storage": (),
}
# What belongs to one patient: forgotten when the consultation is over.
OF_THE_PATIENT = frozenset(
    {"peer", "numeric", "notice", "procedure", "result", "consultation", "auscultation", "thumbnail"}
)

BEAT_S = 0.25
MAX_WAVEFORMS = 64
MAX_STATES = 2000


def key_of(message: Message) -> tuple[str, ...]:
    """Type and key: what makes one message take the place of another."""
    return (message["type"], *(str(message[field]) for field in KEYS.get(message["type"], ())))


class Receiver:
    """One watcher's queue. Iterate it; it ends when the feed or the watcher closes it."""

    def __init__(self, state: list[Message]) -> None:
        self._states = {key_of(message): message for message in state}
        self._waves: deque[Message] = deque(maxlen=MAX_WAVEFORMS)
        self._news = asyncio.Event()
        self._closed = False
        self.dropped = 0
        if state:
            self._news.set()

    def put(self, message: Message) -> None:
        """Called by the feed; never blocks, never grows."""
        if message["type"] == "waveform":
            self.dropped += len(self._waves) == MAX_WAVEFORMS
            self._waves.append(message)
        else:
            self._put_state(message)
        self._news.set()

    def forget_patient(self) -> None:
        """Take back what is still waiting of the patient who has gone."""
        self._waves.clear()
        self._states = {key: m for key, m in self._states.items() if m["type"] not in OF_THE_PATIENT}

    def close(self) -> None:
        """No more messages."""
        self._closed = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while not self._closed:
            await self._news.wait()
            self._news.clear()
            while not self._closed and (self._states or self._waves):
                yield self._next()

    def _put_state(self, message: Message) -> None:
        key = key_of(message)
        self._states.pop(key, None)  # the newest state goes to the end: order of change is kept
        if len(self._states) >= MAX_STATES:
            self._states.pop(next(iter(self._states)))
            self.dropped += 1
        self._states[key] = message

    def _next(self) -> Message:
        if self._states:
            return self._states.pop(next(iter(self._states)))
        return self._waves.popleft()


class Feed:
    """The present state, and everybody who watches it."""

    def __init__(self) -> None:
        self._state: dict[tuple[str, ...], Message] = {}
        self._receivers: set[Receiver] = set()

    def publish(self, message: Message) -> None:
        """Tell everybody. A message with `gone: True` removes its state."""
        if message["type"] in KEYS:
            key = key_of(message)
            if message.get("gone"):
                self._state.pop(key, None)
            else:
                self._state[key] = message
        for receiver in self._receivers:
            receiver.put(message)

    def wipe(self) -> None:
        """The consultation is over: forget all of its messages, here and in every queue."""
        self._state = {key: m for key, m in self._state.items() if m["type"] not in OF_THE_PATIENT}
        for receiver in self._receivers:
            receiver.forget_patient()
        self.publish({"type": "wiped"})

    async def beat(self) -> None:
        """Say the time, so that every receiver knows the age of what it shows, and that we are alive. Never returns."""
        while True:
            self.publish({"type": "beat", "now_ms": clock.boottime_ms()})
            await asyncio.sleep(BEAT_S)

    def state(self, kind: str) -> Iterator[Message]:
        """The present messages of one type."""
        return (message for message in list(self._state.values()) if message["type"] == kind)

    @contextmanager
    def subscribe(self, *first: Message) -> Iterator[Receiver]:
        """A receiver that begins with `first`, then the present state."""
        receiver = Receiver([*first, *self._state.values()])
        self._receivers.add(receiver)
        try:
            yield receiver
        finally:
            self._receivers.discard(receiver)
            receiver.close()
