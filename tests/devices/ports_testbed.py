"""Run by the system's Python under umockdev-wrapper (it has the bindings): hardware that comes and goes by command.

Starts the program that is named on its command line inside the test bed, and takes words on standard input:
`plug NODE SOCKET SERIAL DEVNUM`, `unplug NODE`, `change NODE`.
"""

import subprocess
import sys

import gi  # type: ignore[import-not-found]

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # type: ignore[import-not-found]  # noqa: E402

CONTROLLER = "0000:00:14.0"


def main() -> None:
    """Until standard input ends."""
    bed = UMockdev.Testbed.new()
    pci = bed.add_device("pci", CONTROLLER, None, [], [])
    hub = bed.add_device("usb", "usb1", pci, ["version", " 2.00"], ["DEVTYPE", "usb_device"])
    bed.add_device("tty", "tty0", None, ["dev", "4:0"], ["DEVNAME", "/dev/tty0"])
    there: dict[str, list[str]] = {}
    seen = subprocess.Popen(sys.argv[1:])
    try:
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "plug":
                there[rest[0]] = plug(bed, hub, *rest)
            elif word == "unplug":
                for path in there.pop(rest[0]):
                    bed.uevent(path, "remove")
                    bed.remove_device(path)
            elif word == "change":
                bed.set_attribute(there[rest[0]][2], "product", "renamed")
                bed.uevent(there[rest[0]][0], "change")
    finally:
        seen.terminate()
        seen.wait()


def plug(bed: UMockdev.Testbed, hub: str, node: str, socket: str, serial: str, number: str) -> list[str]:
    """An FT232R, as a real one looks (node, interface, device)."""
    device = bed.add_device(
        "usb", socket, hub,
        ["idVendor", "0403", "idProduct", "6001", "serial", serial, "manufacturer", "FTDI",
         "product", "FT232R USB UART", "devnum", number, "busnum", "1"],
        ["DEVTYPE", "usb_device"],
    )  # fmt: skip
    interface = bed.add_device("usb", f"{socket}:1.0", device, ["bInterfaceNumber", "00"], ["DEVTYPE", "usb_interface"])
    links = (
        f"/dev/serial/by-id/usb-FTDI_{serial}-if00-port0 /dev/serial/by-path/pci-{CONTROLLER}-usb-0:{socket[2:]}:1.0"
    )
    tty = bed.add_device("tty", node, interface, ["dev", "188:0"], ["DEVNAME", f"/dev/{node}", "DEVLINKS", links])
    return [tty, interface, device]


main()
