"""Who is on the call: joins the platform's signals, the remote parties and the room."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET

from appliance import clock
from appliance.care.consultation import ENDED, State
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.feed import Feed, Message
from appliance.media.call import BadSignal, CallState
from appliance.media.control import StillTaken
from appliance.media.description import IceServer
from appliance.media.engine import Engine
from appliance.media.peer import Offered
from appliance.media.peers import NoSuchPeer, Peers, TooManyPeers
from appliance.media.refusal import NotDone
from appliance.media.talk import ROOM, Talk
from appliance.platform.link_messages import (
    BadMessage,
    Description,
    Outgoing,
    PeerClosed,
    PeerJoined,
    PeerRefused,
    Signal,
)
from appliance.recordings import Recordings
from appliance.records.model import ConsultationRecord, KeptResult

log = logging.getLogger(__name__)

T = TypeVar("T")

BESIDE, LEAST_BESIDE = 0.15, 6_000  # of what the narrowest call may send, and bytes a second at least
LAST_WORDS_S = 0.5  # for `wiped` to reach those who watch, before their connection ends
OF_THE_UNIT = frozenset({"unknown", "peer"})  # what is plugged in, and who else there is, is no remote party's affair
WITH_DOCTOR = frozenset({State.ACTIVE, State.REVIEW})
DOCTOR = {
    CallState.CONNECTING: "waiting",
    CallState.CONNECTED: "connected",
    CallState.LOST: "lost",
    CallState.CLOSED: "gone",
}


Send = Callable[[Outgoing], None]
Refusal = Literal["no-such-consultation", "not-active", "too-many-peers"]


class Calls:
    """The remote parties of the open consultation, and the kiosk's own preview."""

    def __init__(
        self, room: Room, feed: Feed, hello: Callable[[], Message], engine: Engine, offered: Offered, send: Send
    ) -> None:
        self._room, self._feed, self._hello, self._send = room, feed, hello, send
        self._recordings = Recordings(room, feed, offered.pictures, offered.stethoscope)
        offered = replace(offered, asks=self._recordings.asks)
        talk = Talk()
        self._recordings.when_quiet(talk.be_quiet)
        with_talk = replace(offered, talk=talk)
        self._peers = Peers(engine, with_talk, self._messages, self._still_now, self._changed, self._say)
        # The kiosk's microphone, loudspeaker and screen: the room's part in the talk.
        self._room_talk = Peers(engine, Offered((), talk=talk), self._messages, self._still_now, lambda _, __: None)
        # Kiosks that look on take no doctor's place; the encodings are the engine's, and shared.
        self._previews = Peers(engine, offered, self._messages, self._still_now, lambda _, __: None)
        self._remote: dict[str, tuple[str, str]] = {}  # peer: consultation, name
        self._ending: set[asyncio.Task[None]] = set()
        room.watch(self._consultation)

    @property
    def remote(self) -> Peers:
        """The remote parties, without the kiosk's own previews."""
        return self._peers

    async def close(self) -> None:
        """End every call."""
        await self._peers.aclose()
        await self._previews.aclose()
        await self._room_talk.aclose()
        await self._recordings.close()
        await asyncio.gather(*self._ending, return_exceptions=True)

    @property
    def leftover(self) -> float | None:
        """Bytes a second that what is sent beside the calls may take; None while nobody is called."""
        budgets = self._peers.budgets.values()
        return max(LEAST_BESIDE, BESIDE * min(one.limit_bps for one in budgets) / 8) if budgets else None

    # --- the platform's side

    async def joined(self, message: PeerJoined) -> None:
        """A doctor joined: offer, or say why not. One who is here already is left alone, unless the call is lost."""
        if message.peer in self._remote:
            self._peers.heard_of(message.peer)
            return
        offer = self._refusal(message.consultation) or await self._offer(message)
        if isinstance(offer, str):
            self._send(PeerRefused(message.consultation, message.peer, offer))
            return
        self._remote[message.peer] = (message.consultation, message.name)
        self._room.doctor(message.name, "waiting")
        try:
            self._send(Signal(message.consultation, message.peer, description=offer))
        except BadMessage as error:
            log.warning("the offer to peer %s cannot be sent: %s", message.peer, error)
            await self._peers.leave(message.peer)

    async def left(self, peer: str) -> None:
        """A doctor left."""
        await self._peers.leave(peer)

    async def signal(self, message: Signal) -> None:
        """The doctor's answer or one of their candidates."""
        try:
            if message.description is not UNSET:
                await self._peers.answer(message.peer, msgspec.to_builtins(message.description))
            if message.candidate is not UNSET:
                await self._peers.candidate(message.peer, msgspec.to_builtins(message.candidate))
        except (BadSignal, NoSuchPeer) as error:
            log.warning("a signal of peer %s is not usable: %s", message.peer, error)

    def network_changed(self, addresses: frozenset[str]) -> None:
        """The machine has other addresses or routes: what went from one that is gone begins anew."""
        self._peers.network_changed(addresses)

    def _say(self, peer: str, signal: Mapping[str, Any]) -> None:
        if peer not in self._remote:
            return  # its first offer has not been sent, or it has left
        consultation, _ = self._remote[peer]
        try:
            self._send(
                msgspec.convert({"type": "signal", "consultation": consultation, "peer": peer, **signal}, Signal)
            )
        except (BadMessage, msgspec.ValidationError) as error:
            log.warning("a signal to peer %s cannot be sent: %s", peer, error)

    # --- the kiosk's side

    async def preview(self) -> tuple[str, dict[str, str]]:
        """The kiosk sees what the doctor sees: an offer for it."""
        peer = f"preview-{uuid.uuid4()}"
        try:
            return peer, await self._previews.join(peer)
        except TooManyPeers as error:
            raise Refused("too-many-peers", str(error)) from None

    async def preview_answer(self, peer: str, description: dict[str, str]) -> None:
        """The kiosk's answer."""
        await answered(self._previews, peer, description)

    async def preview_close(self, peer: str) -> None:
        """The kiosk looks no more."""
        await self._previews.leave(peer)

    async def talk(self) -> tuple[str, dict[str, str]]:
        """The kiosk takes the room's part in the talk: an offer for it. A kiosk that had it before has it no more."""
        if self._refusal(self._room.record.id if self._room.record else ""):
            raise Refused("no-consultation", "nobody can be spoken with outside a consultation")
        return ROOM, await self._room_talk.join(ROOM)

    async def talk_answer(self, peer: str, description: dict[str, str]) -> None:
        """The kiosk's answer."""
        await answered(self._room_talk, peer, description)

    async def talk_close(self, peer: str) -> None:
        """The kiosk speaks no more."""
        await self._room_talk.leave(peer)

    # --- stills

    async def still(self, consultation: str, source: str) -> KeptResult:
        """The nurse's touch: take a full-size still and chart it; `Refused` when that cannot be."""
        return await self._asked(consultation, lambda: self._recordings.still(source))

    async def clip(self, consultation: str, source: str) -> KeptResult:
        """The nurse's touch: keep a camera's last ten seconds; `Refused` when that cannot be."""
        return await self._asked(consultation, lambda: self._recordings.clip(source))

    async def view(self, consultation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Which side a camera looks at; `Refused` when that makes no sense."""
        return await self._asked(consultation, lambda: self._recordings.view(asked))

    async def listen(self, consultation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """The nurse's hand on the listening; `Refused` when it does not fit."""
        return await self._asked(consultation, lambda: self._recordings.listen(asked, "nurse"))

    async def pressed(self, source: str) -> None:
        """A button of this camera was pressed: one still, or on the screens why there is none."""
        try:
            await self._still_now(source)
            told: Message = {"ok": True}
        except NotDone as refusal:
            told = {"ok": False, "code": refusal.code}
        except Exception:
            log.exception("a press for %s failed", source)
            told = {"ok": False, "code": "failed"}
        self._feed.publish({"type": "press", "source": source, "at_ms": clock.boottime_ms(), **told})

    async def _asked(self, consultation: str, do: Callable[[], Awaitable[T]]) -> T:
        record = self._room.record
        if record is None or record.id != consultation:
            raise Refused("no-such-consultation", "this consultation is not open on this unit")
        try:
            return await do()
        except NotDone as refusal:
            raise Refused(refusal.code, str(refusal)) from None

    async def _still_now(self, key: str) -> StillTaken:
        kept = await self._recordings.still(key)
        obj = kept.result.obj
        assert obj is not None
        return StillTaken(kept.result.id, obj.sha256, obj.width or 0, obj.height or 0)

    # --- how it is done

    async def _offer(self, message: PeerJoined) -> Description | Refusal:
        servers = [IceServer(tuple(one.urls), one.username, one.credential) for one in message.ice_servers]
        try:
            offer = await self._peers.join(message.peer, servers)
        except TooManyPeers:
            return "too-many-peers"
        return Description("offer", offer["sdp"])

    def _refusal(self, consultation: str) -> Refusal | None:
        record = self._room.record
        if record is None or record.id != consultation:
            return "no-such-consultation"
        return None if record.state in WITH_DOCTOR else "not-active"

    async def _messages(self) -> AsyncIterator[Message]:
        """What is live, up to the end of this consultation: nobody watches on into the next patient's."""
        with self._feed.subscribe(self._hello()) as receiver:
            async for message in receiver:
                if message["type"] in OF_THE_UNIT:
                    continue
                yield message
                if message["type"] == "wiped":
                    return

    def _changed(self, peer: str, state: CallState) -> None:
        if peer not in self._remote:
            return
        consultation, name = self._remote[peer]
        if state is CallState.CLOSED:
            del self._remote[peer]
            self._send(PeerClosed(consultation, peer))
        if state in DOCTOR:
            others = [other for _, other in self._remote.values()]
            gone = state is CallState.CLOSED
            if gone and not others:
                self._recordings.nobody_listens()
            self._room.doctor(
                others[-1] if gone and others else name, "connected" if gone and others else DOCTOR[state]
            )

    def _consultation(self, record: ConsultationRecord | None) -> None:
        """The room tells of every change: a call does not outlive its consultation."""
        if record is not None and record.state in ENDED:
            task = asyncio.create_task(self._end(tuple(self._remote)), name="calls end")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, peers: tuple[str, ...]) -> None:
        await asyncio.sleep(LAST_WORDS_S)
        for peer in peers:
            await self._peers.leave(peer)
        await self._room_talk.aclose()
        await self._previews.aclose()


async def answered(peers: Peers, peer: str, description: dict[str, str]) -> None:
    """Take the kiosk's answer; `Refused` when it is none."""
    try:
        await peers.answer(peer, description)
    except NoSuchPeer as error:
        raise Refused("no-such-peer", str(error)) from None
    except BadSignal as error:
        raise Refused("bad-signal", str(error)) from None
