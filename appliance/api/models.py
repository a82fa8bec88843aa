"""What may be asked of the unit, and in which form. Lengths are capped: everything from outside is hostile."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Sentence = Annotated[str, Field(min_length=1, max_length=500)]
Short = Annotated[str, Field(min_length=1, max_length=100)]


class Body(BaseModel):
    """Every body: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AssignBody(Body):
    """What is unknown becomes a device: its id as `GET /api/unknown` says it, and the driver that reads it."""

    unknown: Annotated[str, Field(pattern=r"^(port|ble):[^\s]{1,120}$")]
    driver: Annotated[str, Field(max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=80)] | None = None


class OpenBody(Body):
    """POST /api/consultations."""

    place: Short | None = None
    reason: Sentence | None = None


class Typed(Body):
    """A patient's traits as typed."""

    birth_name: Short
    given_names: Short
    birth_date: Annotated[str, Field(max_length=10)]
    sex: Literal["F", "M", "U"]


class PatientBody(Body):
    """Either what was typed or the text of the INS datamatrix."""

    typed: Typed | None = None
    datamatrix: Annotated[str, Field(max_length=600)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> PatientBody:
        if (self.typed is None) == (self.datamatrix is None):
            raise ValueError("either typed or datamatrix is wanted, not both and not none")
        return self


class ConfirmBody(Body):
    """The identifiers that were read aloud; `homonym_seen` where another patient is alike."""

    checked: Annotated[list[Short], Field(max_length=8)]
    homonym_seen: bool = False


class ClaimBody(Body):
    """Whose a quarantined reading is: who says so, why, and what was checked again for it."""

    reading: Annotated[str, Field(min_length=1, max_length=64)]
    checked: Annotated[list[Short], Field(max_length=8)]
    by: Short
    reason: Sentence
    other_consultation: bool = False


class ConsentBody(Body):
    """What the patient said to which text."""

    given: bool
    by: Literal["patient", "representative"]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
    version: Short


class LeaseBody(Body):
    """One device, or `*` for every device that is present."""

    device: Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9-]{0,31})$")]


class Manual(Body):
    """A value read elsewhere and typed."""

    metric: Short
    value: Annotated[str, Field(min_length=1, max_length=12)]
    unit: Short
    reason: Sentence


class ResultBody(Body):
    """Keep what a device shows, or chart a typed value."""

    keep: Key | None = None
    manual: Manual | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> ResultBody:
        if (self.keep is None) == (self.manual is None):
            raise ValueError("either keep or manual is wanted, not both and not none")
        return self


class ReasonBody(Body):
    """Why."""

    reason: Sentence


class StillBody(Body):
    """Of which camera."""

    source: Key


class AnswerBody(Body):
    """The kiosk's half of a description."""

    sdp: Annotated[str, Field(max_length=60_000)]
    type: Literal["answer"]


class SimulateBody(Body):
    """What a replayed device shall do."""

    action: Literal["stop", "start", "play"]
    recording: Short | None = None
