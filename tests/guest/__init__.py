"""Tests in a virtual machine: our links on the kernel's own drivers, BlueZ and udev, above simulated hardware.

Real: Linux 6.1 with ftdi_sio, uvcvideo, snd-usb-audio, vhci and its USB and Bluetooth stacks; bluetoothd; udev; ALSA;
FFmpeg's V4L2 and ALSA inputs; bleak; drivers.links. Not real: the devices (QEMU's FT232 with a peer on this side, the
USB camera and microphone of `inside/`, bumble's Bluetooth controller and peripheral), the radio, the cables, the time
(the machine is emulated, several times slower than hardware).

`make guest` builds the machine, `pytest -m guest` runs these tests; they skip with a reason where there is none. Each
test has a fresh machine, resumed from a saved one. A test is two halves: modules of `inside/` run in the guest and
`tell` what happens to them; the test on this side starts them, pulls cables, and compares with literals:

    pytestmark = pytest.mark.guest

    async def test_a_cuff_is_heard(guest: Guest) -> None:
        await guest.run("tests.guest.inside.peripheral").expect("advertising")
        use = guest.run("tests.guest.inside.use_ble", "ble-blood-pressure")
        assert (await use.expect("numeric"))["value"] == "120"
        await use.end()

`run` starts a module in the guest and comes back at once; `expect` waits for the next thing of that name that it tells
and fails, with all that it printed, when it ends or stays silent instead; `end` waits for a status of zero; `kill` ends
it as kill -9 does (of a simulated device: the cable is pulled). `guest.machine.qmp` speaks to QEMU itself,
`guest.machine.cables` are the far ends of what QEMU's serial adapters are connected to.
"""
