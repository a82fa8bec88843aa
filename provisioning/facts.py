"""What the acceptance test looks at, gathered once: the unit as it says it is, and the machine below it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography import x509

from appliance.config import Settings
from provisioning.identity import Identity, certificates
from provisioning.private import ProvisionError, read

ANSWER_S, PROGRAM_S = 5.0, 10.0
ANSWER_CAP = 4 << 20
TRIES = 10  # questions to the platform, for its delay
TPM = Path("/dev/tpmrm0")
RELEASE = Path("/etc/os-release")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Platform:
    """The way to the platform: `delays_ms` of the questions that were answered, `failed` how many were not."""

    delays_ms: tuple[float, ...] = ()
    failed: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. `synchronised`: what the system says of its clock, None where it cannot be asked."""

    settings: Settings
    health: Json
    devices: tuple[Json, ...]
    sources: tuple[Json, ...]
    unknown: tuple[Json, ...]
    looks: Mapping[str, Json]
    relays: tuple[Json, ...]
    certificate: x509.Certificate | None
    authority: tuple[x509.Certificate, ...]
    matches: bool  # the certificate is for the unit's key
    kept_in: str
    platform: Platform
    synchronised: bool | None
    enabled: bool | None
    filtered: bool | None
    tpm: bool
    slot: str | None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


class Unit:
    """The unit's own API, on its loopback."""

    def __init__(self, settings: Settings) -> None:
        host = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
        self._root = f"http://{host}:{settings.server.port}/api"

    def ask(self, path: str, method: str = "GET", body: object = None) -> Json:
        """A JSON answer; `ProvisionError` where the unit gives none."""
        try:
            with httpx.Client(timeout=ANSWER_S, trust_env=False) as http:
                answer = http.request(method, f"{self._root}/{path}", json=body)
        except httpx.HTTPError as error:
            raise ProvisionError(
                f"the unit does not answer at {self._root}: {error}: is the service running?"
            ) from error
        if not answer.is_success or len(answer.content) > ANSWER_CAP:
            raise ProvisionError(f"{self._root}/{path}: the unit answered {answer.status_code}")
        found: Json = answer.json()
        return found

    def unhealthy(self, limit_s: float = 60.0, every_s: float = 0.5) -> str | None:
        """None once the service is ready and its checks hold no failure; else what is wrong when the time is over."""
        until, why = time.monotonic() + limit_s, "it does not answer"
        while time.monotonic() < until:
            try:
                said = self.ask("health")
            except ProvisionError as error:
                why = str(error)
            else:
                failed = [f"{one['name']}: {one['detail']}" for one in said["checks"] if one["state"] == "fail"]
                if said["ready"] and not failed:
                    return None
                why = "; ".join(failed) or "it is not ready"
            time.sleep(every_s)
        return why


def gather(settings: Settings, identity: Identity) -> Facts:
    """Ask everybody. `ProvisionError` only where the unit itself does not answer: then there is nothing to accept."""
    unit = Unit(settings)
    health, plugged, unknown = unit.ask("health"), unit.ask("devices"), unit.ask("unknown")
    certificate = identity.certificate()
    return Facts(
        settings=settings,
        health=health,
        devices=tuple(plugged["devices"]),
        sources=tuple(plugged["sources"]),
        unknown=tuple(unknown["unknown"]),
        looks=_looks(unit, plugged["sources"]),
        relays=_relays(unit),
        certificate=certificate,
        authority=tuple(_authority(identity)),
        matches=certificate is not None and certificate.public_key() == identity.key().public_key(),
        kept_in=identity.kept_in,
        platform=_platform(settings.platform.url),
        synchronised=_yes(("timedatectl", "show", "--property=NTPSynchronized", "--value"), {"yes": True, "no": False}),
        enabled=_yes(("systemctl", "is-enabled", "chevet.service"), {"enabled": True, "disabled": False}),
        filtered=_yes(("systemctl", "is-active", "chevet-firewall.service"), {"active": True, "inactive": False}),
        tpm=TPM.exists(),
        slot=_slot(),
    )


def _looks(unit: Unit, sources: list[Json]) -> dict[str, Json]:
    """What each live camera's newest picture is like; a unit that cannot say leaves it out."""
    found = {}
    for source in sources:
        if source["kind"] == "video" and source["state"] == "live":
            try:
                found[str(source["key"])] = unit.ask(f"technician/sources/{source['key']}/look")
            except ProvisionError:
                continue
    return found


def _relays(unit: Unit) -> tuple[Json, ...]:
    try:
        return tuple(unit.ask("technician/relays")["relays"])
    except ProvisionError:
        return ()


def _authority(identity: Identity) -> list[x509.Certificate]:
    there = read(identity.authority_file)
    return [] if there is None else certificates(there, identity.authority_file)


def _platform(url: str) -> Platform:
    root = urlsplit(url)
    where, delays, failed, why = f"{root.scheme}://{root.netloc}{root.path.rstrip('/')}/fhir/metadata", [], 0, ""
    with httpx.Client(timeout=ANSWER_S, trust_env=False) as http:
        for _ in range(TRIES):
            since = time.monotonic()
            try:
                answer = http.get(where)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failed, why = failed + 1, str(error) or type(error).__name__
                if failed == 3:
                    break  # it is not there: the rest would only take time
            else:
                delays.append((time.monotonic() - since) * 1000)
                why = "" if answer.status_code < 500 else f"answered {answer.status_code}"
    return Platform(tuple(delays), failed, why)


def delay_ms(platform: Platform) -> float:
    """The usual delay of an answer."""
    return median(platform.delays_ms) if platform.delays_ms else float("inf")


def _yes(words: tuple[str, ...], meant: Mapping[str, bool]) -> bool | None:
    if shutil.which(words[0]) is None:
        return None
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=PROGRAM_S, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired):
        return None
    return meant.get(said.stdout.strip())


def _slot() -> str | None:
    """The version of the image that runs; None where this is no image of ours (os-release(5))."""
    try:
        lines = dict(line.split("=", 1) for line in RELEASE.read_text(encoding="utf-8").splitlines() if "=" in line)
    except OSError:
        return None
    return lines["IMAGE_VERSION"].strip('"') if lines.get("IMAGE_ID", "").strip('"') == "chevet" else None
