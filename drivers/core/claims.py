"""Which driver is meant by the hardware that is there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from drivers.core.driver import Claim, Driver, File, Gatt, Listener, Uart

# USB-to-serial chips under their makers' own ids (Linux: drivers/usb/serial/*.c): what is behind them they do not say.
CONVERTERS = frozenset(
    {
        *((0x0403, product) for product in (0x6001, 0x6010, 0x6011, 0x6014, 0x6015)),  # FTDI
        *((0x1A86, product) for product in (0x5523, 0x7522, 0x7523, 0x55D3, 0x55D4)),  # WCH CH340, CH343, CH9102
        *((0x067B, product) for product in (0x2303, 0x23A3, 0x23B3, 0x23C3, 0x23D3)),  # Prolific
        *((0x10C4, product) for product in (0xEA60, 0xEA70, 0xEA71)),  # Silicon Labs CP210x
        *((0x04D8, product) for product in (0x000A, 0x00DD)),  # Microchip
    }
)


def gatt_driver(drivers: Iterable[Driver], services: Collection[str], name: str | None) -> Driver | None:
    """The driver of a peripheral that advertises these services (as in `Gatt.service`) under this name.

    A driver that asks for the name goes before one that does not.
    """
    over_air = [driver for driver in drivers if isinstance(driver.claim, Gatt)]
    claim = gatt_claim((driver.claim for driver in over_air if isinstance(driver.claim, Gatt)), services, name)
    return next((driver for driver in over_air if driver.claim is claim), None)


def gatt_claim(claims: Iterable[Gatt], services: Collection[str], name: str | None) -> Gatt | None:
    """The claim that such a peripheral is taken by: the first that it meets, those that ask for its name before all."""
    found = [claim for claim in claims if meets(claim, services, name)]
    return min(found, key=lambda claim: claim.name is None, default=None)


def usb_driver(drivers: Iterable[Driver], vendor: int, product: int) -> Driver | None:
    """The driver of a serial device that has USB ids of its own; None for a converter, and where two would do."""
    ids = (vendor, product)
    found = [driver for driver in drivers if isinstance(driver.claim, Uart) and ids in driver.claim.usb]
    return found[0] if len(found) == 1 and ids not in CONVERTERS else None


def overlap(one: Claim, other: Claim) -> bool:
    """Whether the same hardware can meet both claims, and nothing says which goes first."""
    match one, other:
        case Gatt(), Gatt():
            return one.service == other.service and _same_name(one.name, other.name)
        case Uart(), Uart():
            return bool(set(one.usb) & set(other.usb))
        case File(), File():
            return bool(set(one.endings) & set(other.endings))
        case Listener(), Listener():
            return one.protocol == other.protocol and (
                not one.objects or not other.objects or bool(set(one.objects) & set(other.objects))
            )
    return False


def meets(claim: Gatt, services: Collection[str], name: str | None) -> bool:
    """Whether a peripheral that advertises these services under this name is what the claim asks for."""
    return claim.service in services and (claim.name is None or _begins(name or "", claim.name))


def _begins(name: str, word: str) -> bool:
    """`BM85` and `BM85 1A2B`, not `BM850`."""
    return re.match(rf"{re.escape(word)}(?![0-9A-Za-z])", name.strip(), re.IGNORECASE) is not None


def _same_name(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return _begins(one, other) or _begins(other, one)
