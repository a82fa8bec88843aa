"""The pictures of one connection under its governor: paced, numbered, and sent again where they were lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from appliance.media.aiortc_transport import TransportTap
from appliance.media.encoding import LEAST_BPS, USUAL_HZ, usual_rate_bps
from appliance.media.feedback import Packet
from appliance.media.governor import DETAIL_WEIGHT, MOTION_WEIGHT, Governor, Lane
from appliance.media.pacer import Pacer
from appliance.media.passing import ROOM_UP
from appliance.media.source import PictureSource
from appliance.media.track import Line


class Ruled:
    """From `begin` to `end` pictures leave at the pace that the way carries. For the loop it was made on."""

    def __init__(self) -> None:
        self._pacer = Pacer(self._leave, self._filler)
        self.governor = Governor(self._pacer)
        self._lines: Sequence[Line] = ()
        self._tap: TransportTap | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._telling: set[asyncio.Task[None]] = set()

    def begin(self, lines: Sequence[Line]) -> None:
        """These are the connection's pictures; nothing happens without any."""
        self._lines = lines
        if not lines:
            return
        senders = [line.transceiver.sender for line in lines]
        rule = self.governor
        self._tap = TransportTap(
            senders[0], rule.feedback, lambda: rule.nearest_ms / 1000, lambda: rule.copies, lambda: rule.playout_ms
        )
        self._tap.pace(senders, self._pacer)
        rule.on_told = self._told
        for line in lines:
            assert line.track.tap is not None
            line.track.tap.transport = self._tap
            rule.lanes.append(lane(line))
        rule.blind = not self._tap.numbered
        self._tasks = [asyncio.create_task(run(), name="call-rule") for run in (self._pacing, rule.run)]

    def end(self) -> None:
        """No more leaves."""
        for task in self._tasks:
            task.cancel()

    async def _pacing(self) -> None:
        with suppress(ConnectionError):  # the end of the connection is told elsewhere
            await self._pacer.run()

    async def _leave(self, data: bytes, probe: int) -> None:
        assert self._tap is not None
        await self._tap.leave(data, self.governor.number(len(data), probe, self._tap.which(data)))

    def _told(self, packet: Packet, came: bool) -> None:
        """The receiver told of one packet."""
        if came and not packet.again:
            return
        for line in self._lines:
            if line.track.tap is not None and line.track.tap.stream == packet.stream:
                task = asyncio.create_task(line.track.tap.told(packet, came), name="again")
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    def _filler(self) -> bytes | None:
        taps = (line.track.tap for line in self._lines)
        return next((data for tap in taps if tap is not None and (data := tap.newest_again()) is not None), None)


def lane(line: Line) -> Lane:
    """A picture's line, as the governor sees it."""
    source = line.source
    assert isinstance(source, PictureSource)

    def most() -> float:
        frame, rate_hz = source.newest, round(source.rate_hz) or USUAL_HZ
        usual = LEAST_BPS if frame is None else usual_rate_bps(frame.width, frame.height, rate_hz)
        return max(usual, ROOM_UP * ROOM_UP * source.coded_bps)

    return Lane(line.track.outlet, DETAIL_WEIGHT if source.detail else MOTION_WEIGHT, most)
