"""A remote party made of aiortc, in the same process: it answers an offer and keeps what comes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole

from appliance.media import aiortc_inside as inside


class Receiver:
    def __init__(self, hidden: bool = False, address: str = "127.0.0.1") -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.address = address
        self.hidden = hidden  # its candidates are not told: the unit has to learn them from its checks
        self.channels: dict[str, RTCDataChannel] = {}
        self.got: dict[str, list[Any]] = {"live": [], "waves": [], "stethoscope": [], "control": []}
        self.sink = MediaBlackhole()
        self.tracks: list[Any] = []
        self.connection.on("datachannel", self._channel)
        self.connection.on("track", self._track)

    def _channel(self, channel: RTCDataChannel) -> None:
        self.channels[channel.label] = channel
        channel.on("message", self.got[channel.label].append)

    def _track(self, track: Any) -> None:
        self.tracks.append(track)
        self.sink.addTrack(track)

    async def answer(self, offer: dict[str, str]) -> dict[str, str]:
        await self.connection.setRemoteDescription(RTCSessionDescription(**offer))
        inside.use_addresses(self.connection, [self.address])
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        await self.sink.start()
        sdp = self.connection.localDescription.sdp
        if self.hidden:
            kept = [line for line in sdp.splitlines() if not line.startswith(("a=candidate", "a=end-of"))]
            sdp = "\r\n".join(kept) + "\r\n"
        return {"type": "answer", "sdp": sdp}

    def live(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.got["live"]]

    async def ask(self, **asked: Any) -> dict[str, Any]:
        before = len(self.got["control"])
        self.channels["control"].send(json.dumps(asked))
        async with asyncio.timeout(5):
            while len(self.got["control"]) == before:
                await asyncio.sleep(0.005)
        said: dict[str, Any] = json.loads(self.got["control"][-1])
        return said

    async def vanish(self) -> None:
        """Go without a word: no DTLS alert, no RTCP BYE, the sockets closed."""
        for transport in {receiver.transport.transport for receiver in self.connection.getReceivers()}:
            await transport.stop()

    async def aclose(self) -> None:
        await self.sink.stop()
        await self.connection.close()
