"""The order in which a device is got back."""

from __future__ import annotations

from appliance.instruments.ladder import Ladder, Trouble


def climb(ladder: Ladder, trouble: Trouble, times: int) -> list[tuple[str, float | None]]:
    return [(move.step.value, move.wait_s) for move in (ladder.failed(trouble) for _ in range(times))]


def known() -> Ladder:
    ladder = Ladder()
    ladder.worked()
    return ladder


def test_a_device_that_is_there_and_dead() -> None:
    ladder = known()
    assert climb(ladder, Trouble.DEAD, 13) == [
        ("reopen", 0.2),
        ("reopen", 0.5),
        ("reopen", 1.0),
        ("reopen", 2.0),
        ("reopen", 5.0),
        ("restart", 5.0),
        ("reopen", 5.0),
        ("power-cycle", 5.0),
        ("reopen", 5.0),
        ("reset-adapter", 5.0),
        ("reopen", 5.0),
        ("manual", 5.0),
        ("reopen", 5.0),  # for ever, and nothing is done to the hardware any more
    ]
    assert ladder.failed(Trouble.DEAD).tell == "device-manual"
    ladder.worked()
    assert climb(ladder, Trouble.DEAD, 1) == [("reopen", 0.2)]


def test_a_step_is_news_once() -> None:
    ladder = known()
    moves = [ladder.failed(Trouble.DEAD) for _ in range(20)]
    assert [move.step.value for move in moves if move.first] == [
        "reopen",
        "restart",
        "power-cycle",
        "reset-adapter",
        "manual",
    ]


def test_what_cannot_be_done_here_is_passed_over() -> None:
    ladder = known()
    climb(ladder, Trouble.DEAD, 8)  # the last of them asks for the power cycle
    assert ladder.skip(Trouble.DEAD).step.value == "reset-adapter"
    assert ladder.skip(Trouble.DEAD).step.value == "manual"


def test_a_device_that_never_spoke_is_looked_for_quietly() -> None:
    moves = [Ladder().failed(Trouble.DEAD)]
    ladder = Ladder()
    moves += [ladder.failed(trouble) for trouble in (Trouble.GONE, Trouble.DEAD) for _ in range(20)]
    assert {(move.step.value, move.tell) for move in moves} == {("reopen", None)}


def test_one_that_is_pulled_out_climbs_no_further_and_begins_anew() -> None:
    ladder = known()
    climb(ladder, Trouble.DEAD, 12)
    assert climb(ladder, Trouble.GONE, 7)[-2:] == [("reopen", 5.0), ("reopen", 5.0)]
    assert climb(ladder, Trouble.DEAD, 1) == [("reopen", 0.2)]


def test_a_driver_that_spins_costs_ever_less_and_then_nothing() -> None:
    ladder = Ladder()
    waits = []
    for _ in range(6):
        ladder.worked()  # that it decodes in between does not help
        waits.append(ladder.failed(Trouble.SPUN).wait_s)
    assert waits == [5.0, 10.0, 30.0, 60.0, 300.0, None]
    ladder.asked()
    assert climb(ladder, Trouble.SPUN, 1) == [("reopen", 5.0)]


def test_a_driver_that_worked_for_long_has_no_faults() -> None:
    ladder = Ladder()
    climb(ladder, Trouble.RAISED, 9)
    ladder.healthy()
    assert climb(ladder, Trouble.RAISED, 1) == [("reopen", 0.2)]


def test_a_driver_that_always_raises_ends_switched_off() -> None:
    ladder = Ladder()
    moves = [ladder.failed(Trouble.RAISED) for _ in range(10)]
    assert (moves[-1].step.value, moves[-1].wait_s, moves[-1].tell) == ("off", None, "device-off")
    assert moves[-2].wait_s == 300.0
