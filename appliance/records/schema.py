"""The tables, as steps that are never changed once released; sqlite-utils keeps which have been taken.

Bodies are sealed JSON (`keys.DataKey`); what stands in the clear is what is needed to find, order and count.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("chevet")
UNSEALED = "unsealed"  # the end of an audit log, before the unit's key is at hand


@MIGRATIONS(name="0001-first")
def _first(db: Database) -> None:
    db.create_table(
        "consultation",
        {"id": str, "state": str, "opened": str, "closed": str, "key": bytes, "body": bytes},
        pk="id",
        not_null=["state", "opened", "body"],
        strict=True,
    )
    db.create_table(
        "lease",
        {"id": str, "consultation": str, "device": str, "boot_id": str, "from_ns": int, "until_ns": int, "ended": str},
        pk="id",
        strict=True,
        foreign_keys=[("consultation", "consultation", "id")],
    )
    db.create_table(
        "result",
        {"id": str, "consultation": str, "kind": str, "at": str, "fingerprint": str, "body": bytes},
        pk="id",
        not_null=["consultation", "kind", "at", "body"],
        strict=True,
        foreign_keys=[("consultation", "consultation", "id")],
    )
    db.table("result").create_index(["fingerprint"], unique=True)
    db.table("result").create_index(["consultation"])
    db.create_table(
        "addition",
        {"id": int, "result": str, "kind": str, "at": str, "body": bytes},
        pk="id",
        strict=True,
        foreign_keys=[("result", "result", "id")],
    )
    db.create_table(
        "outbox",
        {
            "seq": int,
            "consultation": str,
            "kind": str,
            "ref": str,
            "state": str,
            "attempts": int,
            "queued": str,
            "words": bytes,
        },
        pk="seq",
        not_null=["consultation", "kind", "ref", "state", "attempts", "queued"],
        strict=True,
        foreign_keys=[("consultation", "consultation", "id")],
    )
    db.execute("CREATE INDEX outbox_waiting ON outbox(consultation, seq) WHERE state = 'waiting'")
    db.table("outbox").create_index(["ref"])
    db.create_table(
        "receipt",
        {"id": int, "ref": str, "state": str, "at": str, "location": str, "by": str},
        pk="id",
        strict=True,
    )
    db.table("receipt").create_index(["ref", "state"], unique=True)
    db.create_table(
        "quarantine",
        {"id": str, "reason": str, "device": str, "at": str, "fingerprint": str, "key": bytes, "body": bytes},
        pk="id",
        strict=True,
    )
    db.table("quarantine").create_index(["fingerprint"], unique=True)
    db.create_table(
        "audit",
        {"seq": int, "at": str, "actor": str, "action": str, "subject": str, "detail": str, "hash": str},
        pk="seq",
        strict=True,
    )


@MIGRATIONS(name="0002-received-objects")
def _received_objects(db: Database) -> None:
    """DICOM instances that are held here and procedure steps that were told of; their UIDs as keyed digests."""
    db.create_table(
        "instance",
        {"id": int, "instance": str, "sop_class": str, "ref": str},
        pk="id",
        not_null=["instance", "sop_class", "ref"],
        strict=True,
    )
    db.table("instance").create_index(["instance"])
    db.create_table("step", {"id": str, "state": str}, pk="id", not_null=["state"], strict=True)


@MIGRATIONS(name="0003-keeping-and-erasing")
def _keeping(db: Database) -> None:
    """Since when a thing may go, by retention's own calendar (seconds); who was here, as keyed digests."""
    db.execute("ALTER TABLE consultation ADD COLUMN settled_s INTEGER")
    db.execute("ALTER TABLE quarantine ADD COLUMN since_s INTEGER")
    db.execute("ALTER TABLE quarantine ADD COLUMN told_s INTEGER")
    db.execute("ALTER TABLE quarantine ADD COLUMN result TEXT")
    db.create_table(
        "calendar", {"id": int, "boot_id": str, "boot_ns": int, "wall": str, "s": int}, pk="id", strict=True
    )
    db.create_table(
        "trait",
        {"consultation": str, "name": str, "born": str, "year": str, "given": str, "sex": str, "ins": str},
        pk="consultation",
        strict=True,
        foreign_keys=[("consultation", "consultation", "id")],
    )
    db.table("trait").create_index(["name"])


@MIGRATIONS(name="0004-dossiers")
def _dossiers(db: Database) -> None:
    """Tele-expertise: what was asked, and what was answered."""
    db.create_table(
        "dossier",
        {"id": str, "consultation": str, "at": str, "body": bytes},
        pk="id",
        not_null=["consultation", "at", "body"],
        strict=True,
        foreign_keys=[("consultation", "consultation", "id")],
    )
    db.create_table(
        "answer",
        {"id": int, "dossier": str, "body": bytes},
        pk="id",
        not_null=["dossier", "body"],
        strict=True,
        foreign_keys=[("dossier", "dossier", "id")],
    )


@MIGRATIONS(name="0005-end-of-the-audit-log")
def _audit_head(db: Database) -> None:
    """How far the log reaches, under the unit's key: one row."""
    db.create_table("audit_head", {"id": int, "seq": int, "mark": str}, pk="id", not_null=["seq", "mark"], strict=True)
    db.execute("INSERT INTO audit_head(id, seq, mark) SELECT 1, coalesce(max(seq), 0), ? FROM audit", (UNSEALED,))


def unknown_steps(db: Database) -> list[str]:
    """Steps that a newer Chevet has taken on this database: then it is not ours to write."""
    ours = {step.name for step in MIGRATIONS.pending(Database(memory=True))}
    return sorted({step.name for step in MIGRATIONS.applied(db)} - ours)
