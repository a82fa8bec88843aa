"""The state table: every pair that is there leads where it should, every other pair is refused."""

import itertools

import pytest

from appliance.care.consultation import ENDED, NEXT, Act, State, step
from appliance.care.errors import Refused

HAPPY = [
    (State.OPEN, Act.IDENTIFY, "identifying"),
    (State.IDENTIFYING, Act.CONFIRM, "ready"),
    (State.READY, Act.CONSENT, "active"),
    (State.ACTIVE, Act.REVIEW, "review"),
    (State.REVIEW, Act.CLOSE, "closed"),
]


@pytest.mark.parametrize(("state", "act", "after"), HAPPY)
def test_the_way_of_a_consultation(state: State, act: Act, after: str) -> None:
    assert step(state, act).value == after


@pytest.mark.parametrize(("state", "act"), sorted(set(itertools.product(State, Act)) - set(NEXT)))
def test_what_is_not_in_the_table_is_refused(state: State, act: Act) -> None:
    with pytest.raises(Refused) as refusal:
        step(state, act)
    assert refusal.value.code == "not-now"


def test_nothing_follows_the_end() -> None:
    assert not [pair for pair in NEXT if pair[0] in ENDED]


def test_consent_cannot_come_before_the_patient_is_confirmed() -> None:
    assert [state for state, act in NEXT if act is Act.CONSENT] == [State.READY]
