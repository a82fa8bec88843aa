"""`chevet provision ...`: the technician's work on one unit, in its order: enrol, apply, accept, report, retire."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import ssl
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from cryptography.x509 import Certificate

from appliance import config
from appliance.config import Settings
from provisioning import acceptance, configuration, enrolment, private, report
from provisioning.enrolment import Enrolment
from provisioning.facts import Unit, gather
from provisioning.identity import FOLDER, Identity, due, left, serial
from provisioning.private import ProvisionError

SETTINGS = Path("/etc/chevet/chevet.toml")
PLACE = "place.json"  # beside the key: where the unit stands, and who issues its certificate
ANSWERS = {"y": True, "o": True, "n": False}
RESTART_S = 90.0

Ask = Callable[[str], str]


def run(words: list[str], out: TextIO, ask: Ask = input) -> int:
    """The command line after `chevet provision`; the exit status."""
    asked = _parser().parse_args(words)
    settings = config.load(asked.config) if asked.config.exists() else Settings()
    work = _Work(asked, settings, Identity(settings.state / FOLDER), out, ask)
    steps: dict[str, Callable[[], int]] = {
        "enrol": work.enrol,
        "renew": work.renew,
        "apply": work.apply,
        "accept": work.accept,
        "status": work.status,
        "verify": work.verify,
        "retire": work.retire,
    }
    return steps[asked.step]()


class _Work:
    def __init__(
        self, asked: argparse.Namespace, settings: Settings, identity: Identity, out: TextIO, ask: Ask
    ) -> None:
        self._asked, self._settings, self._identity, self._out, self._ask = asked, settings, identity, out, ask

    def _say(self, sentence: str) -> None:
        print(sentence, file=self._out, flush=True)

    @property
    def _serial(self) -> str:
        return self._asked.serial or serial()

    def enrol(self) -> int:
        """Show the code, wait for the technician, fetch the certificate, keep the place and the settings' signer."""
        platform = self._asked.platform or self._settings.platform.url
        tls = ssl.create_default_context(cafile=self._asked.ca)
        version = importlib.metadata.version("chevet")
        attempt = Enrolment(platform, self._identity, self._serial, version, tls)
        code = attempt.open()
        self._say(code.terminal())
        self._say(f"unit {self._serial}. Scan the code, compare the digits: {code.digits}")
        approved = attempt.wait()
        certificate = attempt.certify(approved)
        folder = self._identity.folder
        place = {"unit": approved.unit, "site": approved.site, "room": approved.room, "est": approved.est.url}
        private.write(folder / PLACE, json.dumps(place | {"authority": approved.est.authority}).encode())
        if approved.signer:
            private.write(folder / configuration.SIGNER, approved.signer.encode())
        self._say(f"enrolled: {approved.site}, {approved.room}; the certificate is good until {_day(certificate)}")
        if self._identity.kept_in == "file":
            self._say("note: the unit's key is in a file and not in a TPM: whoever copies the disk copies the key")
        return self._apply(approved.configuration) if approved.configuration else 0

    def renew(self) -> int:
        """A new certificate once a third of the old one's life is over, or `--now`."""
        mine = self._identity.certificate()
        if mine is None:
            raise ProvisionError("this unit has no certificate: enrol it first")
        if not due(mine) and not self._asked.now:
            self._say(f"nothing to do: the certificate is good until {_day(mine)}")
            return 0
        place = self._place()
        made = enrolment.renew(self._identity, place["est"], place["authority"], self._serial)
        self._say(f"renewed: good until {_day(made)}")
        return 0

    def apply(self) -> int:
        """A signed configuration from a file, after its differences were shown."""
        return self._apply(self._asked.file.read_text("utf-8"))

    def _apply(self, token: str) -> int:
        folder, path = self._identity.folder, self._asked.config
        signer = private.read(folder / configuration.SIGNER)
        if signer is None:
            raise ProvisionError("this unit trusts nobody's configuration yet: enrol it first")
        found = configuration.verify(token, signer, self._serial, configuration.applied(folder))
        before = (private.read(path) or b"").decode("utf-8")
        for line in configuration.differences(before, found.toml):
            self._say(f"  {line}")
        if not self._asked.yes and self._ask("apply these? [y/n] ").strip().lower() not in {"y", "o"}:
            self._say("nothing was changed")
            return 1
        unit = Unit(config.parse(_table(found.toml), "the signed configuration"))
        configuration.apply(path, found.toml, self._restart, lambda: unit.unhealthy(RESTART_S))
        configuration.remember(folder, found.number)
        self._say(f"configuration {found.number} runs")
        return 0

    def _restart(self) -> None:
        words = self._asked.restart.split()
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=RESTART_S, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProvisionError(f"{self._asked.restart}: {error}") from error
        if done.returncode:
            raise ProvisionError(f"{self._asked.restart}: {done.stderr.strip()[-300:]}")

    def accept(self) -> int:
        """The acceptance test, the questions, and the signed report."""
        language = self._asked.language
        said = report.texts(language)
        facts = gather(self._settings, self._identity)
        found = acceptance.findings(facts)
        for one in found:
            text, mark = said["checks"][one.check], said["words"][one.state]
            about = f" ({one.about})" if one.about else ""
            self._say(f"{mark:<9} {text['title']}{about}")
            if one.state != "ok":
                self._say(f"          {text['todo']}")
        answers = self._answers(said["questions"])
        place = {"unit": self._settings.unit.name, "site": "", "room": ""} | self._place(wanted=False)
        where = report.Place(place["unit"], place["site"], place["room"], self._asked.technician)
        software = facts.health["software"]
        made = report.content(self._serial, software, where, found, answers, datetime.now(UTC))
        token = report.signed(made, self._identity)
        self._asked.out.with_suffix(".jws").write_text(token, encoding="ascii")
        page = report.page(made, token, self._identity.fingerprint(), language)
        self._asked.out.with_suffix(".pdf").write_bytes(page)
        self._say(f"{said['words']['accepted' if made['accepted'] else 'not-accepted']}: {self._asked.out}.jws, .pdf")
        return 0 if made["accepted"] else 1

    def _answers(self, questions: Mapping[str, str]) -> dict[str, bool]:
        given = dict(part.split("=", 1) for part in self._asked.answers.split(",")) if self._asked.answers else {}
        answers = {}
        for name in acceptance.QUESTIONS:
            said = given.get(name) or self._ask(f"{questions[name]} [y/n] ")
            answers[name] = ANSWERS.get(said.strip().lower()[:1], False)
        return answers

    def status(self) -> int:
        """Who the unit is."""
        mine = self._identity.certificate()
        said = {
            "serial": self._serial,
            "key": self._identity.fingerprint(),
            "kept_in": self._identity.kept_in,
            "certificate": None if mine is None else {"until": _day(mine), "days": left(mine).days, "due": due(mine)},
            "configuration": configuration.applied(self._identity.folder),
            "place": {name: value for name, value in self._place(wanted=False).items() if name != "authority"},
        }
        self._say(json.dumps(said, indent=1, ensure_ascii=False))
        return 0

    def verify(self) -> int:
        """Whether a report was signed by this unit's key."""
        found = report.verified(self._asked.file.read_text("ascii"), self._identity.key().public_key())
        self._say(json.dumps(found, indent=1, ensure_ascii=False))
        return 0

    def retire(self) -> int:
        """Destroy the unit's key, after the serial number was said."""
        if self._asked.confirm != self._serial:
            raise ProvisionError(f"nothing was destroyed: say --confirm {self._serial}")
        fingerprint = self._identity.fingerprint()
        self._identity.retire()
        for name in (PLACE, configuration.SIGNER, configuration.APPLIED):
            private.remove(self._identity.folder / name)
        said = {"retired": self._serial, "key": fingerprint, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        self._say(json.dumps(said))
        return 0

    def _place(self, wanted: bool = True) -> dict[str, str]:
        there = private.read(self._identity.folder / PLACE)
        if there is None:
            if wanted:
                raise ProvisionError("this unit was not enrolled: nobody said who issues its certificates")
            return {}
        found: dict[str, str] = json.loads(there)
        return found


def _day(certificate: Certificate) -> str:
    return f"{certificate.not_valid_after_utc:%Y-%m-%d}"


def _table(toml: str) -> dict[str, object]:
    return tomllib.loads(toml)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chevet provision", description=__doc__)
    parser.add_argument("--config", type=Path, default=SETTINGS, help="the unit's settings (default: %(default)s)")
    parser.add_argument("--serial", default="", help="the unit's serial number (default: from its machine-id)")
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    enrol = steps.add_parser("enrol", help="show a code that a technician scans; fetch the certificate and settings")
    enrol.add_argument("--platform", default="", help="its address (default: that of the settings)")
    enrol.add_argument("--ca", type=Path, default=None, help="PEM file: trust this authority for the platform")
    renew = steps.add_parser("renew", help="renew the certificate when a third of its life is over")
    renew.add_argument("--now", action="store_true", help="renew whatever its age")
    apply = steps.add_parser("apply", help="apply a signed configuration; taken back if the unit is not well after it")
    apply.add_argument("file", type=Path)
    for one in (enrol, apply):
        one.add_argument("--yes", action="store_true", help="do not ask before applying")
        one.add_argument("--restart", default="systemctl restart chevet", help="what starts the unit anew")
    accept = steps.add_parser("accept", help="the acceptance test, six questions, and a signed report")
    accept.add_argument("--language", choices=report.LANGUAGES, default="fr")
    accept.add_argument("--technician", default="", help="who tests")
    accept.add_argument("--answers", default="", help="NAME=y,NAME=n,...: answers given elsewhere")
    accept.add_argument("--out", type=Path, default=Path("acceptance"), help="files without their ending")
    steps.add_parser("status", help="who this unit is, as JSON")
    verify = steps.add_parser("verify", help="whether a report was signed by this unit's key")
    verify.add_argument("file", type=Path)
    retire = steps.add_parser("retire", help="destroy the unit's key at the end of its life")
    retire.add_argument("--confirm", default="", help="the serial number, so that it is not done by mistake")
    return parser
