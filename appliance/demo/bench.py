"""What the demo puts in place of hardware, and the switches to it. Everything above the links is the real unit."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from appliance import clock
from appliance.care.errors import Refused
from appliance.config import Device, Settings
from appliance.config import Source as Configured
from appliance.demo.oximeter import Oximeter
from appliance.instruments.opening import Opener
from appliance.media.capture import Reader
from appliance.media.heart import open_heart
from appliance.media.opening import HEARTS
from appliance.media.playback import wav
from appliance.media.sound import SoundSource
from drivers.core.driver import Driver
from drivers.core.errors import LinkError
from drivers.links.audio import Period
from drivers.links.base import Link
from drivers.links.replay import ReplayDevice, load
from drivers.registry import DRIVERS

RECORDINGS = Path(__file__).parent / "recordings"
SOUNDS = "CHEVET_DEMO_SOUNDS"  # a folder of WAV files, set by `chevet demo --sounds`
MAX_SOUNDS = 50


class Plug(Protocol):
    """What can be pulled and plugged."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Sounds:
    """Opens the heart that is chosen now."""

    def __init__(self, folder: Path | None) -> None:
        self._openers: dict[str, Callable[[], Reader[Period]]] = {
            name: partial(open_heart, heart) for name, heart in HEARTS.items()
        }
        for path in sorted(folder.glob("*.wav"))[:MAX_SOUNDS] if folder else ():
            self._openers[path.stem] = partial(wav, path)
        self.chosen = next(iter(self._openers))

    @property
    def names(self) -> list[str]:
        """What can be chosen."""
        return list(self._openers)

    def choose(self, name: str) -> None:
        """From the next opening on."""
        if name not in self._openers:
            raise Refused("no-such-recording", f"no sound {name!r}; there are: {', '.join(self._openers)}")
        self.chosen = name

    def __call__(self) -> Reader[Period]:
        """Open it."""
        return self._openers[self.chosen]()


class Bench:
    """The replayed devices of one unit, and the simulator of docs/api.md."""

    def __init__(self, settings: Settings) -> None:
        folder = os.environ.get(SOUNDS)
        self._sounds = Sounds(Path(folder) if folder else None)
        self._replays = {
            device.key: _replay(device) for device in settings.devices if device.link.startswith("replay:")
        }
        self._plugs: dict[str, Plug] = {key: _Replayed(replay) for key, replay in self._replays.items()}
        self._opener = Opener(DRIVERS.values())
        self._stopped: set[str] = set()
        self._sound_key: str | None = None
        for device in settings.devices:
            if device.driver == "contec-cms50" and device.link.startswith("serial:"):
                self._plugs[device.key] = Oximeter(Path(device.link.removeprefix("serial:")))
                self._plugs[device.key].start()

    def open_link(self, device: Device, driver: Driver) -> Link:
        """A replayed link, or the real one."""
        replay = self._replays.get(device.key)
        return self._opener(device, driver) if replay is None else replay.link()

    def sound_source(self, configured: Configured) -> SoundSource:
        """A stethoscope whose heart can be chosen."""
        self._sound_key = configured.key
        return SoundSource(configured.key, configured.name, self._sounds)

    def plug(self, key: str, what: Plug) -> None:
        """A source that can be pulled too."""
        self._plugs[key] = what

    def close(self) -> None:
        """Pull everything."""
        for plug in self._plugs.values():
            plug.stop()

    # --- the simulator

    def describe(self) -> dict[str, Any]:
        """What can be pulled, and what can be played."""
        return {
            "devices": [
                {"key": key, "plugged": key not in self._stopped, "recordings": self._recordings(key)}
                for key in self._plugs
            ],
            "sound": None if self._sound_key is None else self._sounds.chosen,
        }

    async def act(self, device: str, action: str, recording: str | None) -> dict[str, Any]:
        """Do one thing to one device; what it is like then."""
        plug = self._plugs.get(device)
        if plug is None:
            raise Refused("no-such-device", f"no replayed device {device!r}; there are: {', '.join(self._plugs)}")
        if action == "stop":
            self._stopped.add(device)
            plug.stop()
        elif action == "start":
            self._stopped.discard(device)
            plug.start()
        else:
            self._play(device, plug, recording or "")
        return self.describe()

    def _play(self, device: str, plug: Plug, recording: str) -> None:
        if device == self._sound_key:
            self._sounds.choose(recording)
            plug.stop()
            plug.start()
            return
        if device not in self._replays:
            raise Refused("no-such-recording", f"{device} plays by itself; it can be stopped and started")
        try:
            self._replays[device].play(recording)
        except LinkError as error:
            raise Refused("no-such-recording", str(error)) from None

    def _recordings(self, key: str) -> list[str]:
        if key == self._sound_key:
            return self._sounds.names
        return sorted(self._replays[key].recordings) if key in self._replays else []


class _Replayed:
    """A replayed device as something with a plug."""

    def __init__(self, device: ReplayDevice) -> None:
        self.start, self.stop = device.plug, device.unplug


def _replay(device: Device) -> ReplayDevice:
    name = device.link.removeprefix("replay:")
    recordings: Mapping[str, Any] = {
        path.stem.removeprefix(f"{name}-"): load(path) for path in sorted(RECORDINGS.glob(f"{name}-*.capture"))
    }
    return ReplayDevice(DRIVERS[device.driver], recordings, clock=_now)


def _now() -> Any:
    """The device's own clock: right, and in whole seconds."""
    return clock.wall().astimezone().replace(tzinfo=None, microsecond=0)
