"""What the ledger must answer to "may this party do this under that grant now?", the slow way.

`answer` follows domain 3.3 to 3.5 and 3.7 literally, bit by bit and rule by rule, and shares
nothing with the contracts or with the evaluator of the library.
"""

from dataclasses import dataclass

DERIVE, EXPORT = 1 << 14, 1 << 29
CODES = [
    "PERMITTED",
    "NOT_FOUND",
    "NOT_GRANTEE",
    "PARTY_INACTIVE",
    "HOLD_ACTIVE",
    "GRANT_NOT_ACTIVE",
    "ACTION_NOT_GRANTED",
    "ROLE_NOT_ALLOWED",
    "PURPOSE_NOT_ALLOWED",
    "INDUSTRY_NOT_ALLOWED",
    "MODE_NOT_ALLOWED",
    "TERRITORY_NOT_ALLOWED",
    "SECURITY_GRADE_TOO_LOW",
    "QUOTA_EXCEEDED",
    "UNDECIDED",
]
WHY = ["NONE", "NOT_YET", "EXPIRED", "SUSPENDED", "REVOKED", "PARENT", "TITLE", "NOT_ACTIVATED"]


@dataclass
class Terms:
    """A policy, by field; the territory as a set of codes, or None for the world."""

    actions: int
    purposes: int
    industries: int
    roles: int
    modes: int
    grade: int
    off_chain: bool
    territory: frozenset | None
    sub_depth: int
    max_duration: int
    max_uses: int


@dataclass
class Cut:
    """A grant as it stands."""

    parent: int
    terms: Terms
    grantee: int
    not_before: int
    not_after: int
    left: int
    status: str = "ACTIVE"
    dormant: bool = False
    used: int = 0


def answer(scene, grant, actor, request):
    """Return code and detail, rule by rule, in the order of domain 3.7."""
    found = scene.grants.get(grant)
    if found is None:
        return "NOT_FOUND", 0
    if found.grantee != actor:
        return "NOT_GRANTEE", 0
    if actor in scene.inactive:
        return "PARTY_INACTIVE", 0
    action, purpose, industry, mode, country, grade = request
    chain = [grant]
    while scene.grants[chain[-1]].parent:
        chain.append(scene.grants[chain[-1]].parent)
    for target in ("dataset", *chain, ("party", actor)):
        for number, on, scope, until in scene.holds:
            asked = {"use"}
            asked |= {"derive"} if action == DERIVE else set()
            asked |= {"export"} if action == EXPORT else set()
            if on == target and scope in asked and (until == 0 or scene.now <= until):
                return "HOLD_ACTIVE", number
    why = inactivity(scene, grant)
    if why != "NONE":
        return "GRANT_NOT_ACTIVE", WHY.index(why)
    terms = found.terms
    bits = [bit for bit in range(32) if action >> bit & 1]
    if len(bits) != 1 or not terms.actions >> bits[0] & 1:
        return "ACTION_NOT_GRANTED", bits[0] if bits else 0
    if not any(scene.roles[actor] >> bit & 1 and terms.roles >> bit & 1 for bit in range(26)):
        return "ROLE_NOT_ALLOWED", terms.roles
    for asked, permitted, code in (
        (purpose, terms.purposes, "PURPOSE_NOT_ALLOWED"),
        (industry, terms.industries, "INDUSTRY_NOT_ALLOWED"),
        (mode, terms.modes, "MODE_NOT_ALLOWED"),
    ):
        if asked == 0 or asked | permitted != permitted:
            return code, 0
    letters = country.isascii() and country.isalpha() and country.isupper()
    if not letters or (terms.territory is not None and country not in terms.territory):
        return "TERRITORY_NOT_ALLOWED", int.from_bytes(country.encode("latin-1"), "big")
    if grade < terms.grade:
        return "SECURITY_GRADE_TOO_LOW", terms.grade
    if found.left == 0:
        return "QUOTA_EXCEEDED", 0
    return ("UNDECIDED" if terms.off_chain else "PERMITTED"), 0


def _own(scene, cut):
    if cut.status != "ACTIVE":
        return cut.status
    if scene.now < cut.not_before:
        return "NOT_YET"
    return "EXPIRED" if scene.now > cut.not_after else "NONE"


def inactivity(scene, grant):
    """Return why a grant cannot be used: itself, its activation, those above, the title."""
    cut = scene.grants[grant]
    own = _own(scene, cut)
    if own != "NONE":
        return own
    if cut.dormant:
        return "NOT_ACTIVATED"
    parent = cut.parent
    while parent:
        above = scene.grants[parent]
        if _own(scene, above) != "NONE" or above.grantee in scene.inactive:
            return "PARENT"
        parent = scene.grants[parent].parent
    return "TITLE" if scene.closed else "NONE"
