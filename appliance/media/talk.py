"""Who speaks is heard by all others: those in the room, the doctor, a specialist, an interpreter.

Voices and faces are handed on as they came, packet by packet, and never decoded here: the browser at each end conceals
what was lost, holds back no more than its network's jitter and cancels the echo, since it knows what it plays. The unit
adds no delay, and the stethoscope, which it captures itself, is never near an echo canceller.

While the room is to be quiet each packet of a voice becomes one of silence: no sound of it leaves the unit, and the
listeners' clocks and buffers go on, so that the first word afterwards is heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from appliance.clock import boottime_ns
from appliance.media.aiortc_receiving import Came
from appliance.media.encoder import OPUS_CLOCK_HZ, VIDEO_CLOCK_HZ, Encoded
from appliance.media.outlet import Outlet

ROOM = "room"  # the party that the kiosk is: a microphone, a loudspeaker, a screen
VOICES = 3  # that one listener hears at once
SILENCE = b"\xf8\xff\xfe"  # one Opus frame of 20 ms with nothing in it (RFC 6716, 3.1: CELT, mono)
LARGEST_VOICE, LARGEST_FACE = 1275, 256 * 1024  # bytes: RFC 6716, 3.2.1; far more than a face needs
FREE_S = 2.0  # who has not spoken for so long gives up the place: a voice without sound sends every 0.4 s
ASTRAY_S = 1.0  # a speaker's clock that is so far from ours has jumped

_HALF, _WHOLE = 1 << 31, 1 << 32


class Timeline:
    """One steady clock made of the speakers' own, which begin anywhere (RFC 3550, 5.1) and come and go."""

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self._stream: int | None = None
        self._stamp, self._pts = 0, -1

    def pts(self, stream: int, stamp: int, now_ns: int) -> int | None:
        """The instant of a packet with this RTP timestamp, on CLOCK_BOOTTIME; None for one that comes too late."""
        now = now_ns * self._clock_hz // 1_000_000_000
        passed = (stamp - self._stamp + _HALF) % _WHOLE - _HALF
        pts = self._pts + passed
        if stream != self._stream or abs(pts - now) > ASTRAY_S * self._clock_hz:
            pts = max(now, self._pts + 1)
        elif passed <= 0:
            return None
        self._stream, self._stamp, self._pts = stream, stamp, pts
        return pts


class Slot:
    """One m-line of what a listener gets: of one speaker at a time. An `Encoding`, as the connection sees it."""

    def __init__(self, kind: Literal["voice", "face"], key: str) -> None:
        self.key, self.kind = key, kind
        self.clock_hz = OPUS_CLOCK_HZ if kind == "voice" else VIDEO_CLOCK_HZ
        self.speaker: Seat | None = None
        self._timeline = Timeline(self.clock_hz)
        self._outlet: Outlet | None = None
        self._heard_ns = 0

    def join(self, outlet: Outlet) -> None:
        """See `Encoding`."""
        self._outlet = outlet

    def leave(self, outlet: Outlet) -> None:
        """See `Encoding`."""
        if outlet is self._outlet:
            self._outlet = None

    def request_key(self) -> None:
        """See `Encoding`."""
        if self.speaker is not None and self.kind == "face":
            self.speaker.ask_face()

    def free(self, now_ns: int) -> bool:
        """Whether another speaker may have it."""
        return self.speaker is None or now_ns - self._heard_ns > FREE_S * 1e9

    def give(self, speaker: Seat, came: Came, now_ns: int) -> None:
        """Hand a packet on."""
        if speaker is not self.speaker:
            self.speaker = speaker
            self.request_key()
        self._heard_ns = now_ns
        pts = self._timeline.pts(came.stream, came.timestamp, now_ns)
        if self._outlet is not None and pts is not None:
            self._outlet.offer(Encoded(came.data, pts, came.key, pts * 1_000_000_000 // self.clock_hz))


class Seat:
    """One connection's place in the talk. `voices`, `faces`: what it gets; `said`, `shown`: what it gives."""

    def __init__(self, talk: Talk, party: str) -> None:
        self._talk, self.party = talk, party
        self.voices = tuple(Slot("voice", f"voice-{number}") for number in range(1, VOICES + 1))
        # Only the room looks at faces: doctors have the patient to look at.
        self.faces: tuple[Slot, ...] = (Slot("face", "face"),) if party == ROOM else ()
        self.ask_face: Callable[[], None] = lambda: None  # asks this party for a picture that can be decoded by itself
        self.spoke = False

    def said(self, came: Came) -> None:
        """A packet of this party's voice."""
        if len(came.data) <= LARGEST_VOICE:
            self.spoke = True
            self._talk.voice(self, came)

    def shown(self, came: Came) -> None:
        """A picture of this party's face."""
        if len(came.data) <= LARGEST_FACE:
            self._talk.face(self, came)

    def leave(self) -> None:
        """The connection has ended. Repeatable."""
        self._talk.left(self)


class Talk:
    """Everybody's voice to everybody else. For the loop it is used on; nothing waits in it."""

    def __init__(self) -> None:
        self._seats: list[Seat] = []
        self.quiet = False

    def seat(self, party: str) -> Seat:
        """A place for one connection of this party. Who has several speaks on the newest, and not to itself."""
        made = Seat(self, party)
        self._seats.append(made)
        return made

    def be_quiet(self, quiet: bool) -> None:
        """Nobody is heard, or all are again."""
        self.quiet = quiet

    def voice(self, by: Seat, came: Came) -> None:
        """A packet of a voice, to all others; silence in its place while the room is to be quiet."""
        if self.quiet:
            came = Came(came.stream, came.timestamp, SILENCE, True)
        for seat in self._others(by):
            hand_on(seat.voices, by, came)

    def face(self, by: Seat, came: Came) -> None:
        """A picture of a face, to the room."""
        for seat in self._others(by):
            hand_on(seat.faces, by, came)

    def left(self, seat: Seat) -> None:
        """Its voice ends, and its place is free."""
        if seat in self._seats:
            self._seats.remove(seat)
        for other in self._seats:
            for slot in (*other.voices, *other.faces):
                if slot.speaker is seat:
                    slot.speaker = None

    def _others(self, by: Seat) -> Iterable[Seat]:
        own = [seat for seat in self._seats if seat.party == by.party and (seat.spoke or seat is by)]
        return (seat for seat in self._seats if seat.party != by.party) if own and own[-1] is by else ()


def hand_on(slots: tuple[Slot, ...], by: Seat, came: Came) -> None:
    """To the speaker's own slot, or to one that is free; without any it is not heard by this listener."""
    now_ns = boottime_ns()
    own = next((slot for slot in slots if slot.speaker is by), None)
    slot = own or next((slot for slot in slots if slot.free(now_ns)), None)
    if slot is not None:
        slot.give(by, came, now_ns)
