"""Patients who could be taken for one another: found by keyed digests, so that no name stands in the clear."""

from __future__ import annotations

import re
import sqlite3
import unicodedata

from appliance.records.keys import Keyring
from appliance.records.model import Traits

FIELDS = ("name", "born", "year", "given", "sex", "ins")
OF_A_PERSON = {"born": "birth_date", "given": "given_names", "sex": "sex", "ins": "ins"}


def note(db: sqlite3.Connection, keyring: Keyring, consultation: str, traits: Traits) -> None:
    """Remember, inside the caller's transaction, who was confirmed for this consultation."""
    marks = _marks(keyring, traits)
    db.execute(
        "INSERT OR REPLACE INTO trait(consultation, name, born, year, given, sex, ins) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (consultation, *(marks[field] for field in FIELDS)),
    )


def differing(db: sqlite3.Connection, keyring: Keyring, consultation: str, traits: Traits) -> tuple[str, ...]:
    """In what somebody else of the same birth name and birth date, or of the same name, sex and year, differs.

    `birth_date`, `given_names`, `sex`, `ins`: the traits, never their values. Empty where nobody else is alike.
    An INS that both have decides: the same one is the same person, however the rest is written.
    """
    ours = _marks(keyring, traits)
    rows = db.execute(
        "SELECT born, given, sex, ins FROM trait "
        "WHERE name = ? AND (born = ? OR (sex = ? AND year = ?)) AND consultation != ?",
        (ours["name"], ours["born"], ours["sex"], ours["year"], consultation),
    )
    found: set[str] = set()
    for row in rows:
        found |= _differences(ours, dict(zip(OF_A_PERSON, row, strict=True)))
    return tuple(sorted(found))


def plain(name: str) -> str:
    """Letters only, without accents or case: the same name is written in many ways."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[^\w]|_", "", "".join(one for one in letters if not unicodedata.combining(one)))


def _differences(ours: dict[str, str | None], theirs: dict[str, str | None]) -> set[str]:
    if ours["ins"] is not None and theirs["ins"] is not None:
        fields = {field for field in OF_A_PERSON if ours[field] != theirs[field]}
        return {OF_A_PERSON[field] for field in fields} if "ins" in fields else set()
    return {OF_A_PERSON[field] for field in ("born", "given", "sex") if ours[field] != theirs[field]}


def _marks(keyring: Keyring, traits: Traits) -> dict[str, str | None]:
    said = {
        "name": plain(traits.birth_name),
        "born": traits.birth_date.isoformat(),
        "year": str(traits.birth_date.year),
        "given": plain(traits.given_names),
        "sex": traits.sex,
        "ins": traits.ins_matricule,
    }
    return {
        field: None if text is None else keyring.fingerprint(f"trait:{field}:{text}".encode())
        for field, text in said.items()
    }
