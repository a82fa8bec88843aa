"""Who the patient is: the INS datamatrix and typed traits. The reliability status is never decided here.

Source: ANS, "Datamatrix INS" (header `IS01`, tags S1 to S7, GS 0x1D after a variable field that is shorter than its
maximum and not the last); the matricule's key is 97 minus its number modulo 97 (INSEE; 2A counts as 19, 2B as 18).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from appliance.care.errors import IdentityError
from appliance.records.model import Traits

GS = "\x1d"
HEADER = "IS01" + 22 * "0"
MAX_TEXT = 512

OID_NIR, OID_NIA = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9"
TEST_OIDS = frozenset({"1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"})
OIDS = TEST_OIDS | {OID_NIR, OID_NIA}

# tag: (what it is, shortest, longest); where both are the same the field has no separator
FIELDS: dict[str, tuple[str, int, int]] = {
    "S1": ("matricule", 15, 15),
    "S2": ("OID", 19, 20),
    "S3": ("given names", 1, 100),
    "S4": ("birth name", 1, 100),
    "S5": ("sex", 1, 1),
    "S6": ("birth date", 10, 10),
    "S7": ("birth place", 5, 5),
}
TYPED = ("birth_name", "given_names", "birth_date", "sex")
REQUIRED = ("S1", "S2", "S3", "S4", "S5", "S6")

_MATRICULE = re.compile(r"[1-478][0-9]{4}([0-9]{2}|2A|2B)[0-9]{8}")
_LATIN_NAME = re.compile(r"[A-Z](?:[A-Z '.-]*[A-Z.'])?")  # upper case, no diacritics: the datamatrix's own rule
_DAY_FIRST = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")
_YEAR_FIRST = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BIRTH_PLACE = re.compile(r"[0-9][0-9AB][0-9]{3}")
_NAME = re.compile(r"[^\W\d_]+(?:[ '\u2019\-.][^\W\d_]+|[ '\u2019\-.])*")
OLDEST_YEARS = 130


def read(typed: Mapping[str, str] | None, datamatrix: str | None, today: date, *, test_identities: bool) -> Traits:
    """Traits from the one or the other. `IdentityError` says what does not fit."""
    if datamatrix is None:
        return from_typed(typed or {}, today)
    return from_datamatrix(datamatrix, today, test_identities=test_identities)


def from_datamatrix(text: str, today: date, *, test_identities: bool) -> Traits:
    """Traits from the datamatrix's text, its separators as GS characters. `IdentityError` says what does not fit."""
    fields = _fields(text)
    missing = [f"{tag} ({FIELDS[tag][0]})" for tag in REQUIRED if tag not in fields]
    if missing:
        raise IdentityError(f"the datamatrix lacks {', '.join(missing)}")
    oid = fields["S2"]
    if oid not in OIDS:
        raise IdentityError(f"S2: {oid} is not the OID of an INS")
    if oid in TEST_OIDS and not test_identities:
        raise IdentityError("this is a test identity, and this unit is not in test mode")
    return Traits(
        birth_name=_as_printed("S4", fields["S4"]),
        given_names=_as_printed("S3", fields["S3"]),
        birth_date=_birth_date(fields["S6"], today),
        sex=_sex(fields["S5"]),
        origin="datamatrix",
        ins_matricule=_matricule(fields["S1"]),
        ins_oid=oid,
        birth_place=_birth_place(fields.get("S7")),
    )


def from_typed(typed: Mapping[str, str], today: date) -> Traits:
    """Traits as the nurse typed them: birth_name, given_names, birth_date (YYYY-MM-DD), sex (F, M or U)."""
    missing = [name for name in TYPED if not typed.get(name)]
    if missing:
        raise IdentityError(f"{', '.join(missing)}: wanted, and not there")
    try:  # fromisoformat alone takes 19770121 and 1977-W03-5 too
        text = typed["birth_date"] if _YEAR_FIRST.fullmatch(typed["birth_date"]) else ""
        born = date.fromisoformat(text)
    except ValueError:
        raise IdentityError(f"birth date: got {typed['birth_date'][:20]!r}, wanted YYYY-MM-DD") from None
    return Traits(
        birth_name=_name("birth name", typed["birth_name"]),
        given_names=_name("given names", typed["given_names"]),
        birth_date=_not_in_the_future(born, today),
        sex=_sex(typed["sex"], "FMU"),
        origin="typed",
    )


def key_of(matricule: str) -> int:
    """The two-digit key that belongs to the first thirteen characters of a matricule."""
    number = matricule[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(number) % 97


def _fields(text: str) -> dict[str, str]:
    if len(text) > MAX_TEXT:
        raise IdentityError(f"the datamatrix has {len(text)} characters, at most {MAX_TEXT} are wanted")
    if not text.startswith("IS01"):
        raise IdentityError(f"not an INS datamatrix: it begins with {text[:4]!r}, 'IS01' is wanted")
    if not text.startswith(HEADER):
        raise IdentityError("the header must be 'IS01' and 22 zeros")
    fields: dict[str, str] = {}
    at = len(HEADER)
    while at < len(text):
        tag = text[at : at + 2]
        if tag not in FIELDS or tag in fields:
            raise IdentityError(f"at character {at}: got {tag!r}, wanted one of {', '.join(sorted(FIELDS))}, each once")
        fields[tag], at = _value(text, at + 2, tag)
    return fields


def _value(text: str, at: int, tag: str) -> tuple[str, int]:
    what, shortest, longest = FIELDS[tag]
    value = text[at : at + longest]
    end = value.find(GS)
    if end >= 0:
        value = value[:end]
    after = at + len(value)
    if len(value) < shortest:
        raise IdentityError(f"{tag} ({what}) has {len(value)} characters, at least {shortest} are wanted")
    if len(value) == longest or after == len(text):
        return value, after
    if end < 0:
        raise IdentityError(f"{tag} ({what}) does not end with a separator")
    if after + 1 == len(text):
        raise IdentityError(f"{tag} ({what}) is the last field and ends with a separator")
    return value, after + 1


def _matricule(text: str) -> str:
    if not _MATRICULE.fullmatch(text):
        raise IdentityError("S1 (matricule): 15 characters of the form of an INS are wanted")
    if int(text[13:]) != key_of(text):
        raise IdentityError(f"S1 (matricule): its key is {text[13:]}, {key_of(text):02d} belongs to it; read it again")
    return text


def _birth_date(text: str, today: date) -> date:
    found = _DAY_FIRST.fullmatch(text)
    try:
        born = date.fromisoformat("" if found is None else f"{found[3]}-{found[2]}-{found[1]}")
    except ValueError:
        raise IdentityError(f"S6 (birth date): got {text!r}, wanted DD-MM-YYYY") from None
    return _not_in_the_future(born, today)


def _as_printed(tag: str, text: str) -> str:
    if not _LATIN_NAME.fullmatch(text):
        raise IdentityError(f"{tag} ({FIELDS[tag][0]}): upper case letters without diacritics are wanted")
    return text


def _birth_place(text: str | None) -> str | None:
    if text is not None and not _BIRTH_PLACE.fullmatch(text):
        raise IdentityError(f"S7 (birth place): got {text!r}, wanted an INSEE code such as 63220 or 2A004")
    return text


def _not_in_the_future(born: date, today: date) -> date:
    # A unit whose clock was never set must still take patients: then only the century can be checked.
    if born.year < 1880 or (today.year >= 2026 and (born > today or today.year - born.year > OLDEST_YEARS)):
        raise IdentityError(f"birth date: {born.isoformat()} is not a date on which a living patient was born")
    return born


def _sex(text: str, known: str = "FM") -> str:
    if len(text) != 1 or text not in known:
        raise IdentityError(f"sex: got {text!r}, wanted one of {', '.join(known)}")
    return text


def _name(what: str, text: str) -> str:
    name = " ".join(text.split())
    if len(name) > 100 or not _NAME.fullmatch(name):
        raise IdentityError(f"{what}: letters, spaces, hyphens and apostrophes are wanted, 1 to 100 of them")
    return name.upper()
