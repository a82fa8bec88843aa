"""What is beside a stream goes round its framer."""

from __future__ import annotations

from decimal import Decimal

from drivers.core.attached import Attached
from drivers.core.model import Identity, Numeric
from drivers.core.vocab import BATTERY
from drivers.devices.bci_oximeter import DRIVER, DRIVER_BLE, STREAM

SAMPLE = bytes.fromhex("8040004062")  # of bci-oximeter-ble


def test_a_name_between_two_pieces_of_a_packet_belongs_to_neither() -> None:
    one = Attached(DRIVER_BLE)
    assert one.packets(SAMPLE[:2], STREAM) == []
    (name,) = one.packets(b"Berry", "2a29")
    assert list(one.events(name)) == [Identity(manufacturer="Berry")]
    (packet,) = one.packets(SAMPLE[2:], STREAM)
    assert packet.data == SAMPLE
    assert one.skipped == 0


def test_the_battery_of_a_stream_is_read() -> None:
    one = Attached(DRIVER_BLE)
    (packet,) = one.packets(b"\x50", "2a19")
    (event,) = one.events(packet)
    assert isinstance(event, Numeric)
    assert (event.metric, event.value) == (BATTERY, Decimal(80))


def test_a_cable_has_no_characteristics() -> None:
    one = Attached(DRIVER)
    assert [packet.data for packet in one.packets(SAMPLE)] == [SAMPLE]
