"""A cuff of Omron's that lives in a test: its memory, its key, and what it answers when it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

from drivers.core.driver import Driver
from drivers.core.model import Ask, Event, Packet
from drivers.core.omron import CHANNELS, COMMANDS, UNLOCK

ENOUGH = 400  # words of one conversation


@dataclass
class Cuff:
    """`memory` by address; `key` None: it echoes; `programmable`: somebody holds its button."""

    memory: dict[int, int]
    key: bytes | None = None
    programmable: bool = False
    one_channel: bool = False
    refuses: int | None = None  # the address that it does not give away
    heard: list[Ask] = field(default_factory=list)

    def hears(self, ask: Ask) -> list[Packet]:
        self.heard.append(ask)
        if ask.channel == UNLOCK:
            return [Packet(self._unlock(ask.data), UNLOCK)]
        assert ask.channel == COMMANDS
        assert (len(ask.data), reduce(xor, ask.data)) == (8, 0)
        if ask.data[1:3] == b"\x01\x00":
            return self._pieces(self._read(int.from_bytes(ask.data[3:5], "big"), ask.data[5]))
        return self._pieces(whole(bytes((ask.data[1] | 0x80, 0)) + ask.data[3:6]))

    def _unlock(self, words: bytes) -> bytes:
        match words[0]:
            case 0x11:
                return b"\x91\x00" + words[1:]
            case 0x01:
                return b"\x81" + bytes((words[1:] != self.key,)) + bytes(14)
            case 0x02:
                return b"\x82" + bytes((not self.programmable,)) + bytes(14)
        assert (words[0], len(words)) == (0x00, 17)
        self.key = words[1:]
        return b"\x80" + bytes(15)

    def _read(self, address: int, count: int) -> bytes:
        head = b"\x81\x00" + address.to_bytes(2, "big")
        if address == self.refuses:
            return whole(head + b"\x00", result=5)
        return whole(head + bytes((count,)) + bytes(self.memory.get(address + at, 0xFF) for at in range(count)))

    def _pieces(self, reply: bytes) -> list[Packet]:
        if self.one_channel:
            return [Packet(reply, CHANNELS[0])]
        cut = [reply[at : at + 16] for at in range(0, len(reply), 16)]
        return [Packet(piece, channel) for piece, channel in zip(cut, CHANNELS, strict=False)]


def whole(words: bytes, result: int = 0) -> bytes:
    """A reply with its length, result and XOR."""
    reply = bytes((len(words) + 3,)) + words + bytes((result,))
    return reply + bytes((reduce(xor, reply),))


def stored(index: int, newest: bytes, records: int, slots: Iterable[tuple[int, str]]) -> dict[int, int]:
    """A memory with these records in these slots."""
    memory = {index + at: byte for at, byte in enumerate(newest)}
    for slot, record in slots:
        memory |= {records + 14 * slot + at: byte for at, byte in enumerate(bytes.fromhex(record))}
    return memory


def conversation(driver: Driver, cuff: Cuff) -> list[Event]:
    """All that a driver hears of a cuff, and says to it, until both are silent."""
    decode, said, heard = driver.decoder(), [Ask(words, UNLOCK) for words in driver.hello], list[Event]()
    while said:
        assert len(cuff.heard) < ENOUGH
        ask = said.pop(0)
        driver.allowed(ask.data)
        for packet in cuff.hears(ask):
            events = list(decode(packet))
            heard += [event for event in events if not isinstance(event, Ask)]
            said += [event for event in events if isinstance(event, Ask)]
    return heard
