"""The 44 checks of ../shared/design/reliability.md: name, goal in a few words, and the tiers in which the row asks for it.

P is part of every push, N of every night, R comes before a release; each includes the ones before it.
"""

from dataclasses import dataclass

TIERS = ("P", "N", "R")


@dataclass(frozen=True)
class Goal:
    id: str
    name: str
    goal: str
    tiers: str

    def deciding(self, tier: str) -> str | None:
        """The highest tier of the row that a run of this tier includes."""
        included = [own for own in self.tiers if TIERS.index(own) <= TIERS.index(tier)]
        return max(included, key=TIERS.index) if included else None


GOALS = {
    goal.id: goal
    for goal in (
        Goal("S01", "One code, many verifiers", "1 success per round, the others one stable 409; I6, I7", "PN"),
        Goal("S02", "Balance and stock race", "10 and 5 successes, end balance 0, never negative", "P"),
        Goal("S03", "Idempotency contract", "1 effect, replays byte-equal, changed body 422, parallel 409", "P"),
        Goal("S04", "Award once", "one terminal state; I5", "P"),
        Goal("S05", "Bank run", "0 violations of I1-I12, >= 99.9 % of replies foretold", "N"),
        Goal("S06", "Kill the API", "acknowledged all present, unknown ones one effect; back <= 5 s", "N"),
        Goal("S07", "Kill PostgreSQL", "0 acknowledged missing; serving <= 15 s without restart", "N"),
        Goal("S08", "Fail over to a standby", "0 acknowledged lost, gap <= 30 s, errors are 503", "R"),
        Goal("S09", "Promoted alone", "503 in <= 10 s, alert, the runbook's step clears it", "R"),
        Goal("S10", "Demoted under us", "writes 503, not ready <= 5 s, good <= 10 s after", "N"),
        Goal("S11", "Disk full", "storage_full, no crash, resumes <= 10 s, 0 acknowledged missing", "R"),
        Goal("S12", "Clock trouble", "0 expired accepted, 0 valid refused; skew > 30 s not ready", "N"),
        Goal("S13", "Scheduler once", "each item once, taken over <= 30 s, old holder fenced", "N"),
        Goal("S14", "WeChat out", "p95 +< 10 %, 10,000 drain <= 5 min, no event lost", "N"),
        Goal("S15", "Object store trouble", "no row without its object; orphans swept; 503 and retry", "N"),
        Goal("S16", "Stop and roll", "all finish once, exit <= grace + 2 s, 0 failed in the roll", "PN"),
        Goal("S17", "Backup and point in time", "before T present, after absent; loss <= 60 s; erased stay erased", "NR"),
        Goal("S18", "Migrations", "lint clean; blocked <= 1 s, p99 <= 2 x base, 0 5xx", "PN"),
        Goal("S19", "Every route has a policy", "0 without policy", "P"),
        Goal("S20", "Matrix", "100 % of >= 5,000 cells as declared, <= 4 min", "PN"),
        Goal("S21", "No trace of the neighbour", "0 canaries; totals are the caller's own", "PN"),
        Goal("S22", "Denied means untouched", "tables equal after 100 % of denied writes", "PN"),
        Goal("S23", "Ids by the side door", "all refused as a whole", "PN"),
        Goal("S24", "Fields by role", "keys within the role's list, unknown 422, protected unchanged", "PN"),
        Goal("S25", "Rights end at once", "denied everywhere <= 1 s", "PN"),
        Goal("S26", "No climbing", "all refused and audited", "P"),
        Goal("S27", "Second wall", "row security alone: 0 leaks; 0 cross-tenant", "N"),
        Goal("S28", "Token forgery corpus", "all 401 in <= 20 ms, 0 5xx", "P"),
        Goal("S29", "Refresh rotation", "one family line; any other reuse kills it <= 1 s", "P"),
        Goal("S30", "Console login", "<= 10 evaluated in 15 min, owner not shut out, factor once", "P"),
        Goal("S31", "WeChat login", "401/409, one account, 0 session keys in any output", "P"),
        Goal("S32", "Guessing codes", "stopped after 10 wrong in 10 min per store, answers alike", "P"),
        Goal("S33", "Screenshot and replay", "refused with a reason; a real user refreshes <= 1 s", "P"),
        Goal("S34", "Copied photos, fake places", ">= 95 % and >= 70 % found, false alarms <= 0.5 %, held only", "N"),
        Goal("S35", "Collusion", ">= 2 of 3 rings in <= 14 days, <= 1 % honest flagged", "N"),
        Goal("S36", "Limits over replicas", "accepted <= limit + burst, spoof changes nothing", "P"),
        Goal("S37", "Schemathesis", "0 5xx, 0 undocumented, 0 ignored auth; 2,000 / 50,000 cases", "PN"),
        Goal("S38", "Nasty dictionary", "0 5xx, afterwards every list answers 200", "PN"),
        Goal("S39", "Size limits", "413/431/414, <= limit + 64 KB read, RSS +<= 32 MB", "PN"),
        Goal("S40", "Slow clients", "cut <= 15 s and <= 60 s, normal p95 <= 2 x base, 0 errors", "N"),
        Goal("S41", "Hostile images", "bad ones 4xx <= 200 ms, RSS +<= 64 MB; good ones rebuilt", "P"),
        Goal("S42", "Stuck dependencies", "503 + Retry-After, never 500; live; normal <= 5 s after", "N"),
        Goal("S43", "Privacy end to end", "0 plain personal data outside its table, 0 traces of the erased", "N"),
        Goal("S44", "Audit and soak", "100 % events, 100 % tampers found; flat over the soak", "NR"),
    )
}
