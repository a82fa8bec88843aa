"""Dossiers of tele-expertise: sealed with the key of their consultation, never rewritten; answers are added to them."""

from __future__ import annotations

from collections.abc import Callable

from appliance.records.model import Answer, Dossier, KeptDossier
from appliance.records.vault import Vault

AT_MOST = 200


class Dossiers:
    """`queue` adds a row to the outbox, `delivery` says how far one has come; both inside the caller's transaction."""

    def __init__(
        self, vault: Vault, queue: Callable[[str, str, str], None], delivery: Callable[[str, str], str]
    ) -> None:
        self._vault, self._queue, self._delivery = vault, queue, delivery

    def add(self, dossier: Dossier) -> None:
        """The dossier and its outbox row; everything that it names was queued before it and arrives before it."""
        body = self._vault.seal(dossier.consultation, f"dossier:{dossier.id}", dossier)
        with self._vault.transaction():
            self._vault.db.execute(
                "INSERT INTO dossier(id, consultation, at, body) VALUES (?, ?, ?, ?)",
                (dossier.id, dossier.consultation, dossier.at.isoformat(), body),
            )
            self._queue(dossier.consultation, "dossier", dossier.id)
            self._vault.audit("dossier", dossier.id, dossier.consultation)

    def get(self, dossier: str) -> KeptDossier:
        """One dossier with its answers, oldest first; `Unknown` where there is none, or none any more."""
        ref = str(self._vault.one("SELECT consultation FROM dossier WHERE id = ?", dossier)[0])
        (body,) = self._vault.one("SELECT body FROM dossier WHERE id = ?", dossier)
        plain = self._vault.unseal(ref, f"dossier:{dossier}", body, Dossier)
        rows = self._vault.db.execute("SELECT id, body FROM answer WHERE dossier = ? ORDER BY id", (dossier,))
        answers = tuple(self._vault.unseal(ref, f"answer:{dossier}", row[1], Answer) for row in rows.fetchall())
        return KeptDossier(plain, self._delivery(ref, dossier), answers)

    def all(self) -> list[KeptDossier]:
        """The newest that are still here, newest first."""
        rows = self._vault.db.execute("SELECT id FROM dossier ORDER BY rowid DESC LIMIT ?", (AT_MOST,))
        return [self.get(row[0]) for row in rows.fetchall()]

    def answer(self, dossier: str, answer: Answer) -> None:
        """The platform's word is added."""
        ref = str(self._vault.one("SELECT consultation FROM dossier WHERE id = ?", dossier)[0])
        body = self._vault.seal(ref, f"answer:{dossier}", answer)
        with self._vault.transaction():
            self._vault.db.execute("INSERT INTO answer(dossier, body) VALUES (?, ?)", (dossier, body))
            self._vault.audit(f"dossier-{answer.state}", dossier)
