"""The live feed: the last state always arrives, nothing grows, nothing of a patient stays."""

from typing import Any

from appliance.feed import MAX_STATES, MAX_WAVEFORMS, Feed, Receiver


def numeric(value: str, device: str = "cuff") -> dict[str, Any]:
    return {"type": "numeric", "device": device, "metric": "m", "value": value}


def wave(first: int) -> dict[str, Any]:
    return {"type": "waveform", "device": "d", "metric": "pleth", "first": first}


async def drain(receiver: Receiver) -> list[dict[str, Any]]:
    receiver.put({"type": "waveform", "end": True})  # waveforms come after states: this is the very last
    got: list[dict[str, Any]] = []
    async for message in receiver:
        if message.get("end"):
            return got
        got.append(message)
    return got


async def test_a_new_receiver_begins_with_the_present_state() -> None:
    feed = Feed()
    feed.publish(numeric("1"))
    feed.publish(numeric("2"))
    feed.publish(numeric("9", "other"))
    with feed.subscribe({"type": "hello"}) as receiver:
        assert await drain(receiver) == [{"type": "hello"}, numeric("2"), numeric("9", "other")]


async def test_states_coalesce_and_waves_are_dropped_oldest_first_and_counted() -> None:
    feed = Feed()
    with feed.subscribe() as receiver:
        for number in range(1000):
            feed.publish(numeric(str(number)))
            feed.publish(wave(number))
        got = await drain(receiver)
    assert [message["value"] for message in got if message["type"] == "numeric"] == ["999"]
    waves = [message["first"] for message in got if message["type"] == "waveform"]
    assert waves == list(range(1001 - MAX_WAVEFORMS, 1000))
    assert receiver.dropped == 1001 - MAX_WAVEFORMS


async def test_the_number_of_states_is_bounded() -> None:
    feed = Feed()
    with feed.subscribe() as receiver:
        for number in range(MAX_STATES + 50):
            feed.publish({"type": "result", "id": number})
        assert receiver.dropped == 50
        assert len(await drain(receiver)) <= MAX_STATES


async def test_wiping_takes_back_what_still_waits() -> None:
    feed = Feed()
    feed.publish({"type": "device", "key": "cuff"})
    with feed.subscribe() as receiver:
        feed.publish(numeric("120"))
        feed.publish(wave(0))
        feed.publish({"type": "result", "id": "r"})
        feed.wipe()
        assert [message["type"] for message in await drain(receiver)] == ["device", "wiped"]
    with feed.subscribe() as later:
        assert [message["type"] for message in await drain(later)] == ["device"]


async def test_what_is_gone_is_gone_for_those_who_come_later() -> None:
    feed = Feed()
    feed.publish({"type": "quarantine", "id": "q", "gone": False})
    feed.publish({"type": "quarantine", "id": "q", "gone": True})
    with feed.subscribe() as receiver:
        assert await drain(receiver) == []


async def test_closing_ends_the_iteration() -> None:
    receiver = Receiver([])
    receiver.close()
    assert [message async for message in receiver] == []
