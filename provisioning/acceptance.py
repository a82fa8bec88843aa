"""The acceptance test: what a unit must be before a patient comes, each check with what to do where it does not hold.

Checks are functions of `Facts`: they can be tried without a unit. Texts are in `texts/`, one file a language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from provisioning.facts import Facts, delay_ms
from provisioning.identity import due, left

State = Literal["ok", "warn", "fail"]
Outcome = tuple[State, dict[str, Any]]

SLOW_MS, LAZY_MS = 150.0, 400.0  # to the platform and back
SHARP = 40.0  # variance of the Laplacian of an 8-bit picture; a lens cap has 2, a room in focus some hundreds
DARK, BRIGHT = 16.0, 239.0  # mean of all samples
CAST = 0.35  # how far a channel's mean may be from the grey of all three
SOUND_FAULTS = ("dead", "muted", "gain-low", "gain-high", "gain-automatic", "clipping", "offset", "hum", "gaps")
ENOUGH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `check` names its texts, `about` the device or source, `figures` what was measured."""

    check: str
    about: str
    state: State
    figures: dict[str, Any]


def findings(facts: Facts) -> list[Finding]:
    """Every check, in the order in which a technician mends things."""
    return [*_single(facts), *_devices(facts), *_sources(facts), *_relays(facts)]


def _single(facts: Facts) -> Iterator[Finding]:
    for name, check in CHECKS.items():
        state, figures = check(facts)
        yield Finding(name, "", state, figures)


def _health(name: str) -> Callable[[Facts], Outcome]:
    def check(facts: Facts) -> Outcome:
        found = next((one for one in facts.health["checks"] if one["name"] == name), None)
        if found is None:
            return "fail", {"detail": "the unit does not say"}
        return found["state"], {"detail": found["detail"]}

    return check


def _service(facts: Facts) -> Outcome:
    return ("ok" if facts.health["ready"] else "fail"), {"software": facts.health["software"]}


def _named(facts: Facts) -> Outcome:
    unit = facts.settings.unit
    return ("warn" if unit.id == "chevet-unit" else "ok"), {"id": unit.id, "name": unit.name, "place": unit.place}


def _real(facts: Facts) -> Outcome:
    return ("warn" if facts.settings.simulated else "ok"), {"simulated": facts.settings.simulated}


def _tests_refused(facts: Facts) -> Outcome:
    allowed = facts.settings.care.allow_test_identities or facts.settings.platform.test_data
    return ("warn" if allowed and not facts.settings.simulated else "ok"), {"allowed": allowed}


def _synchronised(facts: Facts) -> Outcome:
    state: State = "ok" if facts.synchronised else "warn" if facts.synchronised is None else "fail"
    return state, {"synchronised": facts.synchronised}


def _certificate(facts: Facts) -> Outcome:
    mine = facts.certificate
    if mine is None:
        return "fail", {"why": "none"}
    days = left(mine, facts.now) / timedelta(days=1)
    figures = {"days": round(days, 1), "until": mine.not_valid_after_utc.isoformat(), "due": due(mine, facts.now)}
    if facts.now < mine.not_valid_before_utc:
        return "fail", figures | {"why": "not-yet"}
    if days <= 0:
        return "fail", figures | {"why": "expired"}
    return ("ok" if left(mine, facts.now) > ENOUGH else "warn"), figures


def _certificate_ours(facts: Facts) -> Outcome:
    return ("ok" if facts.matches else "fail"), {}


def _certificate_proven(facts: Facts) -> Outcome:
    return ("ok" if facts.authority else "fail"), {"authorities": len(facts.authority)}


def _key(facts: Facts) -> Outcome:
    return ("ok" if facts.kept_in == "tpm" else "warn"), {"kept_in": facts.kept_in, "tpm": facts.tpm}


def _platform(facts: Facts) -> Outcome:
    figures = {"answered": len(facts.platform.delays_ms), "failed": facts.platform.failed, "why": facts.platform.why}
    if not facts.platform.delays_ms:
        return "fail", figures
    return ("warn" if facts.platform.failed or facts.platform.why else "ok"), figures


def _secure(facts: Facts) -> Outcome:
    url = facts.settings.platform.url
    near = url.startswith(("http://127.", "http://localhost", "http://[::1]"))
    return ("ok" if url.startswith("https://") else "warn" if near else "fail"), {"url": url}


def _delay(facts: Facts) -> Outcome:
    if not facts.platform.delays_ms:
        return "fail", {}
    usual = delay_ms(facts.platform)
    state: State = "ok" if usual <= SLOW_MS else "warn" if usual <= LAZY_MS else "fail"
    return state, {"usual_ms": round(usual, 1), "longest_ms": round(max(facts.platform.delays_ms), 1)}


def _nothing_unknown(facts: Facts) -> Outcome:
    names = [str(one.get("name") or one.get("id")) for one in facts.unknown if not one.get("gone")]
    return ("warn" if names else "ok"), {"unknown": names[:10]}


def _something(facts: Facts) -> Outcome:
    return ("ok" if facts.devices or facts.sources else "fail"), {
        "devices": len(facts.devices),
        "sources": len(facts.sources),
    }


def _slot(facts: Facts) -> Outcome:
    return ("ok" if facts.slot else "warn"), {"version": facts.slot}


def _starts(facts: Facts) -> Outcome:
    return ("ok" if facts.enabled else "warn" if facts.enabled is None else "fail"), {"enabled": facts.enabled}


def _filtered(facts: Facts) -> Outcome:
    return ("ok" if facts.filtered else "warn"), {"active": facts.filtered}


def _loopback(facts: Facts) -> Outcome:
    host = facts.settings.server.host
    return ("ok" if host in {"127.0.0.1", "::1", "localhost"} else "warn"), {"host": host}


CHECKS: dict[str, Callable[[Facts], Outcome]] = {
    "service": _service,
    "unit-named": _named,
    "not-simulated": _real,
    "test-identities": _tests_refused,
    "records": _health("records"),
    "disk": _health("disk"),
    "screens": _health("screens"),
    "outbox": _health("outbox"),
    "clock": _health("clock"),
    "clock-synchronised": _synchronised,
    "certificate": _certificate,
    "certificate-ours": _certificate_ours,
    "certificate-proven": _certificate_proven,
    "key": _key,
    "platform": _platform,
    "platform-secure": _secure,
    "platform-delay": _delay,
    "equipment": _something,
    "unknown-devices": _nothing_unknown,
    "update-slot": _slot,
    "starts-with-machine": _starts,
    "firewall": _filtered,
    "loopback": _loopback,
}


def _devices(facts: Facts) -> Iterator[Finding]:
    """Every device that the settings name: seen, and read."""
    said = {str(one["key"]): one for one in facts.devices}
    for device in facts.settings.devices:
        found = said.get(device.key, {"state": "absent"})
        figures = {"state": found["state"], "driver": device.driver, "link": device.link}
        seen: State = "ok" if found["state"] in {"ready", "live"} else "fail"
        yield Finding("device-seen", device.key, seen, figures)
        # A cuff is read when it measures: the technician measures once, and it must have been read since it is seen.
        read: State = "ok" if found.get("at_ms") is not None else "fail"
        yield Finding("device-read", device.key, read, {"at_ms": found.get("at_ms"), "tell": found.get("tell")})


def _sources(facts: Facts) -> Iterator[Finding]:
    said = {str(one["key"]): one for one in facts.sources}
    for source in facts.settings.sources:
        found = said.get(source.key, {"state": "absent"})
        live: State = "ok" if found["state"] == "live" else "fail"
        yield Finding("source-live", source.key, live, {"state": found["state"], "from": source.origin})
        if source.kind == "audio":
            yield _heard(source.key, found)
        else:
            yield from _seen(source.key, found, facts)


def _heard(key: str, found: Any) -> Finding:
    codes = [code for code in found.get("codes", ()) if code in SOUND_FAULTS]
    figures = {"codes": codes, "level_dbfs": found.get("level"), "rate_hz": found.get("rate_hz")}
    return Finding("sound", key, "fail" if codes or found["state"] != "live" else "ok", figures)


def _seen(key: str, found: Any, facts: Facts) -> Iterator[Finding]:
    size = {name: found.get(name) for name in ("width", "height", "fps")}
    reduced = [code for code in found.get("codes", ()) if code in {"reduced", "no-bandwidth"}]
    yield Finding("picture-size", key, "warn" if reduced else "ok", size | {"codes": reduced})
    look = facts.looks.get(key)
    if look is None:
        yield Finding("picture-sharp", key, "fail", {"why": "no picture"})
        return
    yield Finding(
        "picture-sharp", key, "ok" if look["sharpness"] >= SHARP else "fail", {"sharpness": look["sharpness"]}
    )
    mean = [float(value) for value in look["mean"]]
    grey = sum(mean) / 3
    lit = DARK <= grey <= BRIGHT
    cast = max(abs(value - grey) for value in mean) / max(grey, 1.0)
    state: State = "fail" if not lit else "warn" if cast > CAST else "ok"
    yield Finding("picture-colour", key, state, {"mean": mean, "cast": round(cast, 2)})


def _relays(facts: Facts) -> Iterator[Finding]:
    if not facts.relays:
        yield Finding("relay", "", "warn", {"why": "none-given"})
    for relay in facts.relays:
        reached: State = "ok" if relay.get("reached") else "fail"
        yield Finding("relay", str(relay.get("url", "")), reached, {"detail": relay.get("detail")})


QUESTIONS = ("picture-upright", "sound-heard", "touch", "light", "clean-and-whole", "room-right")  # at most six


def passed(found: list[Finding], answers: dict[str, bool]) -> bool:
    """Whether the unit is accepted: no check failed, and every question was answered with yes."""
    return not any(one.state == "fail" for one in found) and all(answers.get(name) for name in QUESTIONS)
