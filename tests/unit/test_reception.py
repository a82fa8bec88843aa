"""What the platform says of a dossier is kept once, before it is shown."""

from __future__ import annotations

from pathlib import Path

from appliance.care import dossier
from appliance.platform.link_messages import DossierNews
from appliance.reception import Reception
from appliance.records.model import Person
from tests import making


async def test_an_answer_is_kept_once_and_what_is_unknown_changes_nothing(tmp_path: Path) -> None:
    room, store, feed, ref = await making.active_room(tmp_path)
    asked = await room.ask(
        ref,
        lambda record, results: dossier.build(
            record, results, question="Melanoma?", urgency="routine", specialty=None, by=Person("Nadia")
        ),
    )
    reception = Reception(room, store, feed)
    answered = DossierNews(f"urn:uuid:{asked.id}", "answered", "no instant", "Dr Roy", "Benign.")
    for message in (answered, answered, DossierNews("urn:uuid:" + "0" * 36, "answered", "x")):
        await reception.dossier(message)
    kept = await store.dossier(asked.id)
    assert [(one.state, one.by, one.text, one.at.tzinfo is not None) for one in kept.answers] == [
        ("answered", "Dr Roy", "Benign.", True)
    ]
    assert {"type": "dossier", "id": asked.id, "state": "answered", "delivery": "stored"} in list(feed.state("dossier"))
    await store.close()
