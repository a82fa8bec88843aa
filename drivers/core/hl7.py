"""HL7 v2 messages: cut from a connection (MLLP, or bare as some monitors send them), read, and acknowledged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from drivers.core.errors import PacketError

START, END = b"\x0b", b"\x1c\r"  # the envelope of MLLP
ESCAPED = re.compile(r"\\([FSRET])\\")  # with the usual escape character
BATCH = ("FHS", "BHS")  # what comes before the messages of a batch
TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.(\d{1,6})\d*)?([+-]\d{4})?")

Segment = list[str]


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Fields are numbered as in the standard: `field(segment, 5)` of an OBX is OBX-5."""

    segments: tuple[Segment, ...]
    component: str
    repetition: str
    escaped: dict[str, str]  # the letter of an escape -> the character it stands for

    @property
    def head(self) -> Segment:
        """The MSH segment."""
        return self.segments[0]

    @property
    def kind(self) -> tuple[str, str]:
        """Message type and trigger event, as `("ORU", "R01")`."""
        code, event = self.parts(self.head, 9)[:2]
        return code, event

    def parts(self, segment: Segment, number: int) -> list[str]:
        """The components of a field, without spaces around them; never fewer than three."""
        text = field(segment, number)
        parts = [part.strip() for part in text.split(self.repetition, 1)[0].split(self.component)]
        if "\\" in text:
            parts = [ESCAPED.sub(lambda found: self.escaped.get(found[1], found[0]), part) for part in parts]
        return parts + [""] * (3 - len(parts))


def field(segment: Segment, number: int) -> str:
    """A field, empty where the segment ends before it."""
    return segment[number] if number < len(segment) else ""


def messages(data: bytes) -> list[Message]:
    """The messages of a packet, in their envelopes or bare. Raises `PacketError` where it does not end as they do."""
    if not data.endswith(END if data.startswith(START) else (b"\r", b"\n")):
        raise PacketError(f"an HL7 message is not whole: {len(data)} bytes")
    lines = re.split(r"[\r\n\v\x1c]+", data.decode("utf-8-sig", "replace"))
    found: list[list[str]] = []
    for line in filter(None, map(str.strip, lines)):
        if re.match(r"MSH[^\w\s]{4}", line):
            found.append([])
        if found:
            found[-1].append(line)
        elif not line.startswith(BATCH):
            raise PacketError(f"no HL7 message: {len(data)} bytes that do not begin with MSH")
    if not found:
        raise PacketError(f"no HL7 message: {len(data)} bytes without a segment")
    return [_message(part) for part in found]


def _message(lines: list[str]) -> Message:
    first = lines[0]
    separator = first[3]
    head = ["MSH", separator, *first.split(separator)[1:]]
    segments = (head, *(line.split(separator) for line in lines[1:]))
    # The last one may be left out (MSH-2).
    return Message(segments, first[4], first[5], dict(zip("FSRET", first[3:8], strict=False)))


@lru_cache(64)  # one message says the same instant over and over
def time(text: str) -> tuple[datetime, str] | None:
    """A time stamp (DTM) as local and naive as it is written, and its offset; None where it is not to the minute."""
    found = TIME.fullmatch(text.strip())
    if found is None:
        return None
    *parts, fraction, offset = found.groups(default="")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    try:
        when = datetime(year, month, day, hour, minute, second, int(fraction.ljust(6, "0")))  # noqa: DTZ001 - no zone
    except ValueError:
        return None
    return when, offset


def acknowledgement(message: Message, at: datetime, *, refused: bool = False) -> bytes | None:
    """What a sender waits for, in its envelope; None where it wants none.

    A sender that says in MSH-15 when it wants an accept acknowledgement gets that one, any other the original one.
    """
    head = message.head
    wanted = field(head, 15).strip()
    if message.kind[0] == "ACK" or wanted in {"NE", "SU" if refused else "ER"}:
        return None
    code = ("C" if wanted else "A") + ("E" if refused else "A")
    separator, number = head[1], field(head, 10)
    kind = message.component.join(("ACK", message.kind[1], "ACK") if message.kind[1] else ("ACK",))
    sent = ("MSH", head[2], *(field(head, at) for at in (5, 6, 3, 4)), f"{at:%Y%m%d%H%M%S}", "", kind, number)
    reply = (separator.join((*sent, field(head, 11), field(head, 12))), separator.join(("MSA", code, number)))
    return START + "".join(f"{line}\r" for line in reply).encode() + END


class Cut:
    """The framer of a connection. A bare message ends where the next one begins, or at a pause of its sender."""

    def __init__(self, cap: int = 1 << 20) -> None:
        self.skipped = 0
        self._cap = cap
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that this completes."""
        found = []
        self._buffer += data
        while (message := self._next()) is not None:
            found.append(message)
        if len(self._buffer) > self._cap:
            self._leave(len(self._buffer))
        return found

    def pause(self) -> list[bytes]:
        """The bare message that the sender has left unended, if it ends with a whole line."""
        if not self._buffer.startswith(b"MSH") or not self._buffer.endswith((b"\r", b"\n")):
            return []
        message, self._buffer = self._buffer, b""
        return [message]

    def _next(self) -> bytes | None:
        while (begin := re.search(rb"\x0b|MSH", self._buffer)) is not None:
            self._leave(begin.start())
            end = re.search(rb"(?<!^)\x0b|\x1c" if begin[0] == START else rb"\x0b|(?<=[\r\n])MSH", self._buffer)
            if end is None:
                return None
            if begin[0] == START and end[0] == START:
                self._leave(end.start())  # this one has lost its end
                continue
            message, self._buffer = self._buffer[: end.start()], self._buffer[end.start() + (end[0] == b"\x1c") :]
            return message + END if begin[0] == START else message
        kept = next((kept for kept in (2, 1) if b"MSH".startswith(self._buffer[-kept:])), 0)
        self._leave(max(len(self._buffer) - kept, 0))
        return None

    def _leave(self, count: int) -> None:
        left, self._buffer = self._buffer[:count], self._buffer[count:]
        self.skipped += len(left) - left.count(b"\r") - left.count(b"\n")  # what follows an end is no loss
