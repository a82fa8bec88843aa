"""`chevet demo`: a unit with replayed devices and a stand-in platform, each a process of its own, on loopback only.

This process stands where the service manager stands on a real unit: a unit that dies is started again.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from appliance.config import ConfigError
from appliance.records.keys import write_durably
from appliance.screens import built_ui

READY_S = 30.0
STOP_S = 2.5
AGAIN_S = 0.3
PR_SET_PDEATHSIG = 1

SETTINGS = """\
# Written by `chevet demo` at every start.
state = "unit"
simulated = true
ice_addresses = ["{call_address}"]

[unit]
id = "demo-unit"
name = "Chevet demo"
place = "officine"

[server]
port = {port}

[platform]
url = "http://127.0.0.1:{platform_port}"
token_file = "unit.token"
test_data = true

[care]
allow_test_identities = true

[[devices]]
key = "cuff"
name = "Blood pressure cuff"
kind = "blood-pressure"
driver = "ble-blood-pressure"
link = "replay:cuff"

[[devices]]
key = "oximeter"
name = "Pulse oximeter"
kind = "oximeter"
driver = "contec-cms50"
link = "serial:{oximeter}"

[[devices]]
key = "thermometer"
name = "Thermometer"
kind = "thermometer"
driver = "ble-thermometer"
link = "replay:thermometer"

[[sources]]
key = "otoscope"
name = "Otoscope"
kind = "video"
from = "generator:otoscope"

[[sources]]
key = "room"
name = "Room camera"
kind = "video"
from = "generator:room"
use = "room"

[[sources]]
key = "stethoscope"
name = "Stethoscope"
kind = "audio"
from = "generator:heart"
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """What may be chosen: ports, where records are kept, a folder of WAV files to choose heart sounds from, and the
    address of this machine that calls go by (browsers that do not take loopback for a network need another one).
    """

    port: int
    platform_port: int
    state: Path
    sounds: Path | None
    call_address: str = "127.0.0.1"


def launch(demo: Demo) -> int:
    """Run until Ctrl-C or SIGTERM; 0, or 1 when a part will not start."""
    _free("--port", demo.port)
    _free("--platform-port", demo.platform_port)
    state = demo.state.absolute()
    config = _prepare(demo, state)
    running = _Running()
    platform = running.start(_platform(demo, state))
    unit = [sys.executable, "-m", "appliance", "run", "--config", str(config)]
    sounds = demo.sounds or _reference_sounds()
    running.start(unit, env={"CHEVET_DEMO_SOUNDS": str(sounds.absolute())} if sounds else {})
    try:
        if not _ready(demo, running):
            return 1
        _say(demo)
        return running.watch(unit, platform)
    finally:
        running.stop()


class _Running:
    """The processes that were started. They end with us, however we end."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._env: dict[str, str] = {}
        self.asked_to_stop = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop_asked)

    def start(self, command: Sequence[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start one; it is in a group of its own, so that Ctrl-C comes to us and we end it in order."""
        self._env |= env or {}
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            command,
            stdin=subprocess.DEVNULL,
            env=os.environ | self._env,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, no thread has been started in this process
        )
        self._processes.append(process)
        return process

    def dead(self) -> bool:
        """Whether one of them has ended."""
        return any(process.poll() is not None for process in self._processes)

    def watch(self, unit: Sequence[str], platform: subprocess.Popen[bytes]) -> int:
        """Start the unit again whenever it is killed; end when asked, or when a part ends by itself."""
        while not self.asked_to_stop:
            time.sleep(0.1)
            for process in [process for process in self._processes if process.poll() is not None]:
                if process is platform or (process.returncode or 0) >= 0:
                    return 1
                print(f"the unit was killed (signal {-process.returncode}); it is started again", flush=True)
                self._processes.remove(process)
                time.sleep(AGAIN_S)
                self.start(unit)
        return 0

    def stop(self) -> None:
        """Ask all to end, newest first; kill what does not."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + STOP_S
        for process in self._processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _stop_asked(self, _number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _free(option: str, port: int) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(
                f"port {port} is in use: stop what uses it, or choose another one with {option}"
            ) from error


def _prepare(demo: Demo, state: Path) -> Path:
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        token = state / "unit.token"
        if not token.exists():
            write_durably(token, secrets.token_urlsafe(32).encode())
        config = state / "chevet.toml"
        oximeter = state / "dev" / "oximeter"
        ports = {"port": demo.port, "platform_port": demo.platform_port}
        text = SETTINGS.format(**ports, oximeter=oximeter, call_address=demo.call_address)
        config.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the demo's folder {state} cannot be written: {error.strerror}") from error
    if demo.sounds is not None and not demo.sounds.is_dir():
        raise ConfigError(f"--sounds: there is no folder {demo.sounds}")
    return config


def _reference_sounds() -> Path | None:
    """Recorded hearts, where somebody has put the reference data (see tests): nice to have, never needed."""
    folder = Path(os.environ.get("CHEVET_REFERENCE_DATA", "../shared/data")) / "audio"
    return folder if folder.is_dir() else None


def _platform(demo: Demo, state: Path) -> list[str]:
    ui = built_ui() or state / "no-ui"
    port, folder, token = str(demo.platform_port), str(state / "platform"), str(state / "unit.token")
    module = [sys.executable, "-m", "appliance.demo.platform"]
    return [*module, "--port", port, "--ui", str(ui), "--state", folder, "--token-file", token]


def _ready(demo: Demo, running: _Running) -> bool:
    """Wait until both answer."""
    until = time.monotonic() + READY_S
    waiting = [f"http://127.0.0.1:{demo.port}/api/health", f"http://127.0.0.1:{demo.platform_port}/fhir/metadata"]
    while waiting and not running.asked_to_stop:
        if running.dead() or time.monotonic() > until:
            print(f"chevet: {waiting[0]} does not answer; see the lines above", file=sys.stderr)
            return False
        if _answers(waiting[0]):
            waiting.pop(0)
        else:
            time.sleep(0.05)
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a loopback address of our own
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def _say(demo: Demo) -> None:
    print(
        f"""
  nurse's kiosk     http://127.0.0.1:{demo.port}/
  platform, doctor  http://127.0.0.1:{demo.platform_port}/
  records           {demo.state}

  Everything is on this machine only. Devices are replayed: the simulator is on the kiosk. Ctrl-C ends it.
""",
        flush=True,
    )
