"""Who stands where: `role@position`, the position being that of the grant to where everything of the estate lies.

All of it lies in one community (what a rider files, in its grid) and belongs to one rider, store, branch and enterprise: `own`.
"""

from dataclasses import dataclass, field

Who = frozenset[str]


def these(text: str) -> Who:
    return frozenset(text.split(", "))


ADMINS = these("maker, admin@county, admin@street, admin@community")  # of the community; `maker` asked for all that waits
COUNTY = these("maker, admin@county")
ABOVE = these("maker, admin@county, admin@street")
GRID_ADMINS = ADMINS | {"admin@grid"}  # of what lies in the grid
ANY_ADMIN = GRID_ADMINS | {"admin@sibling", "admin@far"}
REVIEWERS = these("reviewer@street, reviewer@community, checker")  # `checker` has decided in first instance
GRID_REVIEWERS = REVIEWERS | {"reviewer@grid"}
ANY_REVIEWER = GRID_REVIEWERS | {"reviewer@sibling"}
WORKERS = these("worker@community, worker@grid")  # the report is in the hands of the grid's
ANY_WORKER = WORKERS | {"worker@sibling"}
ASSIGNEE = these("worker@grid")
RIDER, PLATFORM, AUDITOR = these("rider@own"), these("platform"), these("auditor@county")
MAKER, CHECKER = these("maker"), these("checker")
CONTACTS = these("secretary@own, secretary@other, instructor@own, instructor@other")  # whom members may be told to call
ANY_AUDITOR = AUDITOR | {"auditor@far"}
OWNER, CLERK, CONTACT = these("owner@own"), these("clerk@own"), these("contact@own")
SECRETARY, INSTRUCTOR = these("secretary@own"), these("instructor@own")
TENANTS = COUNTY | PLATFORM | {"admin@far"}  # who sets what holds for every county
OTHERS = these(
    "owner@other, clerk@other, contact@other, secretary@other, instructor@other, rider@other, revoked, run out"
)
STAFF = ANY_ADMIN | ANY_REVIEWER | ANY_WORKER
SIGNED_IN = STAFF | ANY_AUDITOR | RIDER | PLATFORM | OWNER | CLERK | CONTACT | SECRETARY | INSTRUCTOR | OTHERS
MEMBERS = SIGNED_IN - PLATFORM
STRANGERS = these("nobody, expired")
EVERYBODY = SIGNED_IN | STRANGERS
NOBODY: Who = frozenset()


@dataclass(frozen=True)
class Kind:
    """A kind of thing, and who sees it: they hear 403 for what they may not do with it, everybody else 404."""

    name: str
    seen_by: Who


PUBLIC = Kind("public", SIGNED_IN)  # there for everybody, or a list that shows each what is theirs
OWN = Kind("own", NOBODY)  # its owner's alone: the rest never hears that it exists
REPORT = Kind("report", GRID_ADMINS | GRID_REVIEWERS | WORKERS | RIDER)
UPLOAD = Kind("upload", REPORT.seen_by)
ORIGINAL = Kind("original", GRID_ADMINS | GRID_REVIEWERS)
MEMBER = Kind("member", GRID_ADMINS | GRID_REVIEWERS | WORKERS | AUDITOR | SECRETARY | INSTRUCTOR | RIDER)
REGISTRATION = Kind("registration", SECRETARY | RIDER)
BOOKS = Kind("books", ADMINS | OWNER | CLERK)  # settlements, contracts, staff and invitations of a store
TILL = Kind("till", OWNER | CLERK)
APPLICATION = Kind("application", ADMINS | RIDER)
PROPOSAL = Kind("proposal", GRID_ADMINS)
AWARD = Kind("award", GRID_ADMINS | GRID_REVIEWERS)
CONFIRMATION = Kind("confirmation", REVIEWERS)
STOP = Kind("stop", ADMINS)
FREEZE = Kind("freeze", GRID_ADMINS | AUDITOR | PLATFORM)
COUNTY_LIST = Kind("county list", COUNTY)
SHORTLIST = Kind("shortlist", ABOVE)
COMPLAINT = Kind("complaint", GRID_ADMINS | RIDER)
CASE = Kind("case", ADMINS | AUDITOR)
QUEUE = Kind("queue", ADMINS | REVIEWERS)  # what waits for a person's eye
CHECKIN = Kind("checkin", ADMINS | REVIEWERS | RIDER)
GROUP = Kind("group", ADMINS | REVIEWERS | RIDER)
DRAFT = Kind("draft", ADMINS)
UNIT = Kind("unit", GRID_ADMINS | GRID_REVIEWERS)
PLACE = ADMINS | REVIEWERS | AUDITOR | {"worker@community"}  # whose area has the branch and the enterprise in it
PARTY_LIST = Kind("party list", PLACE | INSTRUCTOR | SECRETARY)
FIRM_LIST = Kind("firm list", PLACE | INSTRUCTOR | CONTACT)
FIRM = Kind("firm", ADMINS | CONTACT | INSTRUCTOR)
BRANCH = Kind("branch", ADMINS | SECRETARY | INSTRUCTOR)
GRANT = Kind("grant", PLACE | PLATFORM)
HELD = Kind("held grant", PLACE)  # of a role that administrators of areas give: the platform sees those alone that it gives itself
COUNTS = Kind("counts", ADMINS | REVIEWERS | AUDITOR)


@dataclass(frozen=True)
class Rule:
    """`passes`: what those who may hear in the state in which the estate is (2xx unless said); `says`: where some of them hear otherwise.

    `lacks`: a 403 with a code of its own, before anything is looked up; `no_member`: console accounts, refused likewise as `forbidden`;
    `unseen`: hears 404 though the kind is public; `unknown`: 401 although signed in (the credential is in the body, or of another sort).
    """

    kind: Kind
    may: Who
    passes: int = 200
    says: dict[int, Who] = field(default_factory=dict)
    lacks: dict[str, Who] = field(default_factory=dict)
    no_member: Who = NOBODY
    unseen: Who = NOBODY
    unknown: Who = NOBODY
    public: bool = False

    def expected(self, who: str) -> tuple[int, str]:
        """The status (200 for any 2xx) and the code of a refusal; no code: any."""
        if who in self.may:
            return next((status for status, some in self.says.items() if who in some), self.passes), ""
        if who in self.unknown or (who in STRANGERS and not self.public):
            return 401, ""
        for code, some in self.lacks.items():
            if who in some:
                return 403, code
        if who in self.no_member or (who in self.kind.seen_by | STRANGERS and who not in self.unseen and self.kind is not OWN):
            return 403, "forbidden"
        return 404, ""
