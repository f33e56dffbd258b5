"""What must hold after a race, judged on the outcomes alone: the same for the service and for the naive variants beside it."""

from collections import Counter
from collections.abc import Mapping, Sequence

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


def within_cap(credited: Sequence[int], cap: int) -> None:
    """There was more than enough to give: what was credited is the cap, to the point."""
    assert sum(credited) == cap, (sum(credited), cap)


def paid_once(credited: Sequence[int], lines: Sequence[int]) -> None:
    """All who asked for one award hear the same, and there is one line of it."""
    assert len(set(credited)) == 1 and list(lines) == [credited[0]], (Counter(credited), lines)


def agreeing(findings: Sequence[str], standing: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    """The books agree with themselves, and with what was done to them: available, held, debt."""
    assert not findings and standing == expected, (findings, standing, expected)


LATE = {"invalid_transition", "already_verified", "redemption_cancelled", "redemption_expired", "nothing"}


def one_end(heard: Mapping[str, Sequence[str]], status: str) -> None:
    """Commands that each end an order (by the state they lead to), at once: one has won, its state stands, the others came too late."""
    won = [end for end, outcomes in heard.items() for outcome in outcomes if outcome == "ok"]
    assert won == [status], (won, status)
    assert {outcome for outcomes in heard.values() for outcome in outcomes} <= LATE | {"ok"}, heard


def one_answer(answers: Sequence[Answer]) -> None:
    """All who have an answer under one key have the same, to the byte, and one of them caused it; the others may ask again soon."""
    good = [answer for answer in answers if answer.status < 400]
    assert len({(answer.status, answer.body) for answer in good}) == 1, "different answers"
    assert [answer.headers.get("idempotency-replayed") for answer in good].count(None) == 1, "more than one made it"
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status == 409)


def one_body(outcomes: Sequence[str], effects: int) -> None:
    """One key with many bodies: one body has its effect, and the others hear that the key is taken."""
    heard = Counter(outcomes)
    assert heard["ok"] == effects == 1 and set(heard) <= {"ok", "idempotency_key_reused", "request_in_progress"}, (heard, effects)


def stopped_after(outcomes: Sequence[str], most: int, elsewhere: Sequence[str]) -> None:
    """So many wrong codes are called wrong; from then on this store hears that it must wait, and no other store does."""
    assert Counter(outcomes) == Counter({"code_not_found": most, "too_many_attempts": len(outcomes) - most}), Counter(outcomes)
    assert set(elsewhere) == {"ok"}, elsewhere


def each_at_most_once(uploads: Mapping[str, Sequence[Answer]]) -> None:
    """What was scanned long ago and is uploaded several times was used once: whoever hears of success hears of the same one."""
    for scanned, answers in uploads.items():
        used = {answer.json["verification_id"] for answer in answers if answer.status < 400}
        assert len(used) == 1, (scanned, used)
        assert {answer.outcome for answer in answers} <= {"ok", "already_verified", "request_in_progress"}, scanned
