"""The unit's settings: one TOML file, typed. A key that nobody knows is an error with a hint, never ignored."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from drivers.core.driver import Kind
from drivers.core.errors import ChevetError

Port = Annotated[int, Field(ge=1, le=65535)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class ConfigError(ChevetError):
    """The installer must mend the configuration; the message names file, key, what was got and what was wanted."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


S = TypeVar("S", bound=_Section)


class Unit(_Section):
    """Who this cart is."""

    id: Annotated[str, Field(min_length=1, max_length=64)] = "chevet-unit"
    name: Annotated[str, Field(min_length=1, max_length=80)] = "Chevet"
    place: Literal["domicile", "officine", "ehpad", "cabinet", "cabine", "hopital", "autre"] = "autre"
    finess: Annotated[str, Field(pattern=r"^([0-9AB]{9})?$")] = ""  # of the site where it stands
    room: Annotated[str, Field(max_length=80)] = ""


class Server(_Section):
    """Where the kiosk and the API listen. Loopback unless the installer says otherwise."""

    host: str = "127.0.0.1"
    port: Port = 8080


class Platform(_Section):
    """The hosted platform. `token_file` holds the bearer token and nothing else."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")] = "http://127.0.0.1:8090"
    token_file: Path | None = None
    test_data: bool = False  # marks everything sent as HTEST


class Device(_Section):
    """One instrument: how it is reached.

    `link` is `serial:PATH` or `serial:port:PLACE` (a socket of the unit), `ble:ADDRESS` or `ble:any`, `tcp:HOST:PORT`
    (we call it), `hl7:HOST:PORT` or `dicom:HOST:PORT` (it calls us there; `peers` says from where it may), or
    `replay:NAME` (the demo's).
    """

    key: Key
    name: Annotated[str, Field(min_length=1, max_length=80)]
    kind: Kind
    driver: str
    link: Annotated[str, Field(pattern=r"^(serial|ble|tcp|hl7|dicom|replay):.+$")]
    settings: dict[str, str] = {}  # what its driver asks for: ble-weight has `consent`, a user's INDEX:CODE
    peers: tuple[str, ...] = ()  # addresses or networks that may call a listener; none: nobody may
    ae: Annotated[str, Field(pattern=r"^[ -\[\]-~]{0,16}$")] = ""  # dicom: the AE title under which it calls
    reports_to: str = ""  # dicom: HOST:PORT for commitment reports when it has hung up


class Dicom(_Section):
    """The unit as a DICOM application entity. TLS where it has a certificate; PEM files."""

    title: Annotated[str, Field(pattern=r"^[!-\[\]-~]{1,16}$")] = "CHEVET"
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None  # devices must then show a certificate of this authority

    @model_validator(mode="after")
    def _tls_or_none(self) -> Dicom:
        if (self.certificate is None) != (self.key is None):
            missing = "key" if self.key is None else "certificate"
            raise ValueError(f"certificate and key go together for TLS; {missing} is missing")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca is for TLS, which needs certificate and key too")
        return self


class Source(_Section):
    """One camera or sound source. `from` is `v4l2:PATH`, `alsa:CARD`, `file:PATH` or `generator:NAME`.

    Hardware is named by what does not change: `/dev/v4l/by-id/...`, `hw:CARD=ID`, `usb:PORT` (as `usb:1-1.4`).
    `gain_percent`, of a sound card's own range: set, unmuted and with the automatic gain off at each opening.
    """

    key: Key
    name: Annotated[str, Field(min_length=1, max_length=80)]
    kind: Literal["video", "audio"]
    origin: Annotated[str, Field(alias="from", pattern=r"^(v4l2|alsa|file|generator):.+$")]
    use: Literal["exam", "room"] = "exam"  # a room camera gives way where the bus is too narrow
    width: Annotated[int, Field(ge=64, le=7680)] | None = None  # with height: this size; else the best up to 1080p
    height: Annotated[int, Field(ge=64, le=4320)] | None = None
    rate_hz: Annotated[int, Field(ge=1, le=192000)] | None = None  # pictures or samples a second
    gain_percent: Annotated[int, Field(ge=0, le=100)] | None = None

    @model_validator(mode="after")
    def _known_for_good(self) -> Source:
        if re.match(r"^v4l2:(/dev/)?video\d+$|^alsa:(plug)?hw:\d", self.origin):
            raise ValueError(f"{self.origin} is a number that changes at the next plug; name it by id or by USB port")
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        return self


class Button(_Section):
    """What takes a still when it is pressed: a camera's own button, a foot pedal, a HID button.

    `device`: `auto` (the button of the source's own camera), `/dev/input/by-id/...` or `usb:PORT`. It is grabbed: what
    it types goes nowhere else.
    """

    device: Annotated[str, Field(pattern=r"^(auto|/dev/input/by-(id|path)/.+|usb:.+)$")] = "auto"
    key: Annotated[str, Field(pattern=r"^(KEY|BTN)_[A-Z0-9_]+$")] = "KEY_CAMERA"
    source: Key


class Login(_Section):
    """The professional's login at the platform's identity provider (RFC 8628); without `issuer` none is asked for."""

    issuer: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")] | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=200)] = "chevet"
    scope: Annotated[str, Field(pattern=r"^openid( [!-~]+)*$")] = "openid profile"
    reopen_minutes: Annotated[int, Field(ge=1, le=720)] = 240  # after it a PIN is not enough any more
    lock_minutes: Annotated[int, Field(ge=1, le=120)] = 10  # untouched for so long, the PIN is asked for


class Care(_Section):
    """Rules of charting."""

    lease_minutes: Annotated[int, Field(ge=1, le=240)] = 30
    chart_every_s: Annotated[float, Field(gt=0, le=3600)] = 60.0  # a continuous device, while it is leased
    chart_first_s: Annotated[float, Field(ge=0, le=60)] = 5.0  # steady for so long before the first
    allow_test_identities: bool = False


class Records(_Section):
    """How long what the platform has stays on the unit, and how much room recordings must leave."""

    keep_days: Annotated[int, Field(ge=0, le=365)] = 7  # after the last confirmation and the end
    quarantine_days: Annotated[int, Field(ge=3, le=365)] = 30  # a reading that nobody assigned; told three days before
    low_mb: Annotated[int, Field(ge=1)] = 1000  # said in time
    reserve_mb: Annotated[int, Field(ge=1)] = 300  # recordings are refused below it: it is for measurements

    @model_validator(mode="after")
    def _in_order(self) -> Records:
        if self.quarantine_days < self.keep_days:
            raise ValueError(f"quarantine_days ({self.quarantine_days}) must not be less than keep_days")
        if self.low_mb < self.reserve_mb:
            raise ValueError(f"low_mb ({self.low_mb}) must not be less than reserve_mb ({self.reserve_mb})")
        return self


class Export(_Section):
    """Dossiers for a USB key: to whose certificate they are encrypted (PEM, RSA), and where the key is mounted."""

    recipient: Path | None = None
    folder: Path = Path("/media/chevet")


class Settings(_Section):
    """Everything. Paths are absolute or relative to the configuration file."""

    state: Path = Path("state")
    unit: Unit = Unit()
    server: Server = Server()
    platform: Platform = Platform()
    login: Login = Login()
    care: Care = Care()
    records: Records = Records()
    export: Export = Export()
    dicom: Dicom = Dicom()
    devices: tuple[Device, ...] = ()
    sources: tuple[Source, ...] = ()
    buttons: tuple[Button, ...] = ()
    ice_addresses: tuple[str, ...] = ()  # where the call may listen; empty: every interface
    ice_authorities: Path | None = None  # PEM: who signs TURN servers' certificates, beside whom the machine trusts
    simulated: bool = False

    @model_validator(mode="after")
    def _links_are_unique(self) -> Settings:
        owner: dict[str, str] = {}
        for device in self.devices:
            kind, _, where = device.link.partition(":")
            if kind in {"replay", "dicom"} or where.lower() == "any":
                continue
            link = f"{kind}:{where.upper() if kind == 'ble' else where}"
            if link in owner:
                raise ValueError(f"{owner[link]!r} and {device.key!r} have the same link {link!r}; one owner each")
            owner[link] = device.key
        return self

    @model_validator(mode="after")
    def _keys_are_unique(self) -> Settings:
        keys = [device.key for device in self.devices] + [source.key for source in self.sources]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"the key {twice[0]!r} is used twice; each device and source needs its own")
        return self

    @model_validator(mode="after")
    def _buttons_have_cameras(self) -> Settings:
        cameras = {source.key for source in self.sources if source.kind == "video"}
        for button in self.buttons:
            if button.source not in cameras:
                raise ValueError(f"a button takes stills of {button.source!r}, and no camera has that key")
        return self


def load(path: Path) -> Settings:
    """The settings in a file; `ConfigError` says what is wrong and where."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the configuration {path} cannot be read: {reason}") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    return _relative_to(parse(raw, str(path)), path.parent)


def parse(raw: dict[str, object], where: str) -> Settings:
    """Settings out of a parsed table; `where` names it in the error."""
    try:
        return Settings.model_validate(raw, strict=False)
    except ValidationError as error:
        problems = "; ".join(_sentence(detail, raw) for detail in error.errors()[:5])
        raise ConfigError(f"{where}: {problems}") from None


def _relative_to(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={
            "state": folder / settings.state,
            "platform": _placed(settings.platform, folder, "token_file"),
            "export": _placed(settings.export, folder, "recipient", "folder"),
            "dicom": _placed(settings.dicom, folder, "certificate", "key", "client_ca"),
        }
    )


def _placed(section: S, folder: Path, *names: str) -> S:
    given = {name: path for name in names if (path := getattr(section, name)) is not None}
    return section.model_copy(update={name: folder / path for name, path in given.items()})


def _sentence(detail: ErrorDetails, raw: dict[str, object]) -> str:
    location = ".".join(str(part) for part in detail["loc"]) or "the file"
    if detail["type"] != "extra_forbidden":
        got = detail.get("input")
        shown = f", got {got!r}" if isinstance(got, str | int | float | bool) and len(repr(got)) < 100 else ""
        return f"{location}: {detail['msg'].removeprefix('Value error, ')}{shown}"
    known = _known_keys(detail["loc"])
    near = difflib.get_close_matches(str(detail["loc"][-1]), known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    return f"{location}: unknown key; {hint}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    children: dict[str, type[BaseModel]] = {
        "unit": Unit,
        "server": Server,
        "platform": Platform,
        "login": Login,
        "care": Care,
        "records": Records,
        "export": Export,
        "dicom": Dicom,
        "devices": Device,
        "sources": Source,
        "buttons": Button,
    }
    for part in location[:-1]:
        model = children.get(str(part), model)
    return [field.alias or name for name, field in model.model_fields.items()]
