"""Omron's memory service: the conversation in which a cuff is unlocked, its index and its records are read, and closed.

Written to db5b55e0, eight bytes each: open, read (08 01 00, address, count, 00, XOR), close; nothing is ever written to
the memory, so the cuff goes on counting its records as unread. A reply is: length, type, address, count, data, result,
and an XOR that makes the whole 0; what is longer than 16 bytes comes in pieces of 16 over up to four characteristics,
or, from cuffs that have but one, whole. What comes first is said to b305b680: newer cuffs take four bytes of ours and
echo them; older ones want the key that a host wrote while a person held their button (`P` blinks). They give their
memory to nobody else, so where the unit has a key that is refused it is written anew, once, as the cuff allows it then.

The index holds the slot after the newest. Slots are read from there, round the ring, so that the newest comes last.
Sources: userx14/omblepy, eigger/hass-omron (MIT): layouts seen in dumps of real cuffs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial, reduce
from operator import xor
from typing import Literal

from drivers.core.codec import Reader
from drivers.core.errors import PacketError
from drivers.core.gatt import Characteristics
from drivers.core.model import Ask, Event, Notice

CHANNELS = (
    "49123040-aee8-11e1-a74d-0002a5d5c51b",
    "4d0bf320-aee8-11e1-a0d9-0002a5d5c51b",
    "5128ce60-aee8-11e1-b84b-0002a5d5c51b",
    "560f1420-aee8-11e1-8184-0002a5d5c51b",
)
COMMANDS = "db5b55e0-aee7-11e1-965e-0002a5d5c51b"
UNLOCK = "b305b680-aee7-11e1-a730-0002a5d5c51b"

OPEN, CLOSE = bytes.fromhex("0800000000100018"), bytes.fromhex("080f000000000007")
READ_WORD = bytes.fromhex("080100")  # how a read begins; 01 c0, which writes, is said by nobody
TOKEN = b"\x11" + b"chvt" + bytes(15)  # any four bytes do: they are echoed, and are no secret
PROGRAM = b"\x02" + bytes(16)

OPENED, READ, WRITTEN, CLOSED = b"\x80\x00", b"\x81\x00", b"\x81\xc0", b"\x8f\x00"
HEAD, LEAST, PIECE = 6, 8, 16
RECORD, BLOCK = 14, 3  # bytes; records asked for at once: with head and tail 50 bytes, and 64 is all there is room for


@dataclass(frozen=True, slots=True)
class Memory:
    """Where a model keeps what: `slots` of 14 bytes from `records`, the next one to be written in word 0 of `index`."""

    index_bytes: int
    records: int
    slots: int
    order: Literal["little", "big"]
    index: int = 0x0260

    def next_slot(self, index: bytes) -> int:
        """The slot after the newest, which is the oldest once all are full. An index that names none says nothing."""
        slot = int.from_bytes(index[:2], self.order) & 0xFF
        return slot if slot < self.slots else 0


class State(Enum):
    """What was said last, and is to be answered."""

    UNLOCKING = auto()
    PROGRAMMING = auto()
    KEYING = auto()
    UNLOCKING_AGAIN = auto()
    OPENING = auto()
    INDEX = auto()
    RECORDS = auto()
    CLOSING = auto()
    OVER = auto()


UNLOCKED = {
    (State.UNLOCKING, b"\x91\x00"): State.OPENING,
    (State.UNLOCKING, b"\x81\x00"): State.OPENING,
    (State.PROGRAMMING, b"\x82\x00"): State.KEYING,
    (State.KEYING, b"\x80\x00"): State.UNLOCKING_AGAIN,
    (State.UNLOCKING_AGAIN, b"\x81\x00"): State.OPENING,
}
REPLIED = {
    (State.OPENING, OPENED): State.INDEX,
    (State.INDEX, READ): State.RECORDS,
    (State.RECORDS, READ): State.RECORDS,
    (State.CLOSING, CLOSED): State.OVER,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A proven reply; `result` is 0 where the cuff did what it was asked."""

    kind: bytes
    address: int
    data: bytes
    result: int


class Conversation:
    """The decoder. `record` reads one slot; `key`: of the unit, for cuffs that want one.

    What comes without having been asked for is read as one record, or one reply that holds one.
    """

    def __init__(self, memory: Memory, record: Callable[[bytes], Iterable[Event]], key: bytes = b"") -> None:
        pieces = {channel: partial(self._piece, at) for at, channel in enumerate(CHANNELS)}
        self.read = Characteristics({**pieces, UNLOCK: self._answer})
        self._memory, self._record, self._key = memory, record, key
        self._words = {
            State.PROGRAMMING: Ask(PROGRAM, UNLOCK),
            State.KEYING: Ask(b"\x00" + key, UNLOCK),
            State.UNLOCKING_AGAIN: Ask(b"\x01" + key, UNLOCK),
            State.OPENING: Ask(OPEN, COMMANDS),
            State.INDEX: Ask(read_word(memory.index, memory.index_bytes), COMMANDS),
            State.CLOSING: Ask(CLOSE, COMMANDS),
        }
        self._state = State.UNLOCKING
        self._held = b""
        self._next_slot = 0
        self._asked: range = range(0)
        self._left: list[range] = []

    # --- unlocking

    def _answer(self, reader: Reader) -> list[Event]:
        answer = reader.rest()
        if answer[:1] == b"\x91" and answer[2:6] != TOKEN[1:5]:
            raise PacketError("an echo of other words than ours")
        if len(answer) < 2 or self._state not in {state for state, _ in UNLOCKED}:
            raise PacketError(f"an answer of {len(answer)} bytes, in the state {self._state.name}")
        if (state := UNLOCKED.get((self._state, answer[:2]))) is not None:
            return self._go(state)
        if self._state is State.UNLOCKING and self._key:
            return self._go(State.PROGRAMMING)
        return [*self._go(State.OVER), Notice("cuff-locked")]

    # --- replies

    def _piece(self, at: int, reader: Reader) -> list[Event]:
        data = reader.rest()
        if at:
            if len(self._held) != at * PIECE:
                raise PacketError(f"piece {at + 1} of a reply of which {len(self._held)} bytes are there")
            data = self._held + data
        is_first = len(data) == PIECE and PIECE < data[0] <= len(CHANNELS) * PIECE and data[1:3] == READ
        if is_first or (at and len(data) == (at + 1) * PIECE and len(data) < data[0]):
            self._held = data
            return []
        self._held = b""
        return self._whole(data[: data[0]] if at else data)

    def _whole(self, data: bytes) -> list[Event]:
        reply = proven(data)
        if reply is None or (state := REPLIED.get((self._state, reply.kind))) is None:
            return self._unasked(data, reply)
        if reply.result or (reply.kind == READ and not reply.data):
            return [*self._go(State.OVER if self._state is State.OPENING else State.CLOSING), Notice("device-fault")]
        events: list[Event] = []
        if self._state is State.INDEX:
            self._check(reply, self._memory.index, self._memory.index_bytes)
            self._plan(self._memory.next_slot(reply.data))
        elif self._state is State.RECORDS:
            self._check(reply, self._address(self._asked), RECORD * len(self._asked))
            events = list(self._records(reply.data))
        return [*events, *self._go(state)]

    def _unasked(self, data: bytes, reply: Reply | None) -> list[Event]:
        if reply is not None and reply.kind != READ:
            return []
        record = data if reply is None else reply.data
        if len(record) != RECORD:
            raise PacketError(f"need a record of {RECORD} bytes, got {len(record)}")
        return list(self._record(record))

    def _records(self, data: bytes) -> Iterator[Event]:
        slots = [data[at : at + RECORD] for at in range(0, len(data), RECORD)]
        for slot in slots:
            yield from self._record(slot)
        if self._asked.start >= self._next_slot and any(map(empty, slots)):
            # The ring has not come round yet: from here to its end there is nothing.
            self._left = [run for run in self._left if run.start < self._next_slot]

    # --- what to say next

    def _plan(self, next_slot: int) -> None:
        self._next_slot = next_slot
        halves = (next_slot, self._memory.slots), (0, next_slot)
        self._left = [range(at, min(at + BLOCK, end)) for begin, end in halves for at in range(begin, end, BLOCK)]

    def _go(self, state: State) -> list[Event]:
        if state is State.RECORDS and self._left:
            self._state, self._asked = state, self._left.pop(0)
            return [Ask(read_word(self._address(self._asked), RECORD * len(self._asked)), COMMANDS)]
        self._state = State.CLOSING if state is State.RECORDS else state
        return [self._words[self._state]] if self._state in self._words else []

    def _address(self, run: range) -> int:
        return self._memory.records + RECORD * run.start

    def _check(self, reply: Reply, address: int, count: int) -> None:
        if (reply.address, len(reply.data)) != (address, count):
            raise PacketError(f"asked {count} bytes at {address:#06x}, got {len(reply.data)} at {reply.address:#06x}")


def empty(slot: bytes) -> bool:
    """Whether nothing was ever kept there."""
    return not slot.strip(b"\xff") or not slot.strip(b"\x00")


def read_word(address: int, count: int) -> bytes:
    """How `count` bytes are asked for."""
    words = READ_WORD + address.to_bytes(2, "big") + bytes((count,))
    return words + bytes((0, reduce(xor, words)))


def proven(data: bytes) -> Reply | None:
    """A whole reply; None for what is none, and may be a bare record. `PacketError` for a damaged one."""
    if data[1:3] not in (OPENED, READ, WRITTEN, CLOSED) or (data[0] != len(data) and data[2]):
        return None  # no record has a pulse of 0
    if len(data) < LEAST or data[0] != len(data) or reduce(xor, data):
        raise PacketError(f"a reply that announces {data[0]} bytes has {len(data)}, or their XOR is not 0")
    return Reply(data[1:3], int.from_bytes(data[3:5], "big"), data[HEAD:-2], data[-2])
