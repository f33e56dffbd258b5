"""What must hold after a race, judged on the outcomes alone: the same for the service and for the naive variants beside it."""

from collections import Counter
from collections.abc import Sequence

from tests.support.volley import Answer


def one_winner(outcomes: Sequence[str], loser: str) -> None:
    """Exactly one `ok`, and everybody else hears the same."""
    assert Counter(outcomes) == Counter({"ok": 1, loser: len(outcomes) - 1}), Counter(outcomes)


def so_many_winners(outcomes: Sequence[str], winners: int, loser: str, *, left: int) -> None:
    """As many as there was for, the others refused, and nothing left over or overdrawn."""
    assert Counter(outcomes) == Counter({"ok": winners, loser: len(outcomes) - winners}), Counter(outcomes)
    assert left == 0, left


def one_effect(outcomes: Sequence[str], effects: int) -> None:
    """All contenders hear of the one effect, or that it is being worked on."""
    assert set(outcomes) <= {"ok", "request_in_progress"} and "ok" in outcomes, Counter(outcomes)
    assert effects == 1, effects


def one_line(children: Sequence[str]) -> None:
    """All uses of one token led to the same successor."""
    assert len(children) > 1 and len(set(children)) == 1, len(set(children))


def told_the_truth(answers: list[Answer], status: str) -> None:
    """Who came too late hears the state that the winner has led to, and what may be done now."""
    one_winner([answer.outcome for answer in answers], "invalid_transition")
    (won,) = (answer.json for answer in answers if answer.status == 200)
    late = [answer.json for answer in answers if answer.status == 409]
    assert won["status"] == status and {one["current_status"] for one in late} == {status}
    assert all(set(one["allowed"]) >= set(won["allowed"]) for one in late), "a second look is for the others only"
