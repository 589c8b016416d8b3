"""Ready-made terms for usual data licences, by their SPDX identifiers (SPDX License List 3.29).

Each `License` says why its bits are what they are. All are for standing offers: whoever takes one
up holds the licence from the licensor, so nobody passes it on (no LICENSE) and nobody needs to.
Where a text makes a permission depend on something that no bit holds, `off_chain_terms` is set and
a program answers "undecided", never "permitted". What a text asks *after* a use is a duty.

Promises: nothing here permits what the text does not; `hash_of` is what goes on chain. Must never
stand in for the text: the text decides, and a person who reads it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from provenance.errors import NotFoundError
from provenance.policy.terms import Policy
from provenance.policy.vocabulary import ACTIONS_USE, Action, Derivation, Duty

# Worldwide licences reach across borders, and the public may be anybody. Whether a law lets data
# leave a country is another question, which no licence answers.
_TO_SHARE = Action.STORE | Action.MOVE | Action.DELETE
_TO_SHARE |= Action.DISTRIBUTE | Action.OPEN | Action.EXPORT
_OPEN_ACTIONS = int(ACTIONS_USE | _TO_SHARE | Action.COMMERCIAL)
_NOT_COMMERCIAL = _OPEN_ACTIONS & ~Action.COMMERCIAL


@dataclass(frozen=True, slots=True)
class License:
    """A licence as terms: its SPDX identifier, what a program can decide of it, and why."""

    spdx_id: str
    policy: Policy
    reason: str


def find(spdx_id: str) -> License:
    """Return the licence of an SPDX identifier, in whatever case.

    SPDX identifiers are matched without case (SPDX Specification 2.3, annex D.2).

    Raises:
        NotFoundError: no terms are ready for it.
    """
    found = LICENSES.get(spdx_id.lower())
    if found is None:
        raise NotFoundError("ready-made terms for the licence", spdx_id[:80])
    return found


def hash_of(spdx_id: str) -> bytes:
    """Return SHA-256 of an SPDX identifier as the list writes it."""
    return hashlib.sha256(spdx_id.encode("ascii")).digest()


def _open(duties: int = 0, *, off_chain: bool = False) -> Policy:
    """Return terms that permit everything a public licence can, against duties."""
    shares_alike = bool(duties & Duty.SAME_TERMS)
    return Policy(
        actions=_OPEN_ACTIONS,
        duties=int(duties),
        derivation=Derivation.SAME_TERMS if shares_alike else Derivation.ATTRIBUTION_ONLY,
        off_chain_terms=off_chain,
    )


def _not_commercial(duties: int) -> Policy:
    """Return terms that forbid commercial use; whether a use is commercial no bit can say."""
    shares_alike = bool(duties & Duty.SAME_TERMS)
    return Policy(
        actions=_NOT_COMMERCIAL,
        prohibited=int(Action.COMMERCIAL),
        duties=int(duties),
        derivation=Derivation.SAME_TERMS if shares_alike else Derivation.ATTRIBUTION_ONLY,
        off_chain_terms=True,
    )


_BY = int(Duty.ATTRIBUTE)
_BY_SA = int(Duty.ATTRIBUTE | Duty.SAME_TERMS)

_COMPUTATIONAL = Policy(
    actions=int(_OPEN_ACTIONS & ~Action.READ),
    duties=_BY_SA,
    derivation=Derivation.SAME_TERMS,
    off_chain_terms=True,
)

_ALL = (
    License(
        "CC0-1.0",
        _open(),
        "Sections 2 and 3 waive all rights, or license them without condition; section 4 keeps"
        " only patents and trade marks out. No duty, nothing more to decide.",
    ),
    License(
        "PDDL-1.0",
        _open(),
        "Section 3 waives all rights in database and contents; the community norms beside it do"
        " not bind. No duty, nothing more to decide.",
    ),
    License(
        "CC-BY-4.0",
        _open(_BY),
        "Section 2(a)(1) permits reproduction, sharing and adapted material for any purpose,"
        " section 4 extraction from databases; section 3(a) asks for attribution, which is a duty.",
    ),
    License(
        "CC-BY-SA-4.0",
        _open(_BY_SA),
        "As CC-BY-4.0; section 3(b) puts adapted material that is shared under the same licence,"
        " which is a duty and the rule for derived works.",
    ),
    License(
        "CC-BY-NC-4.0",
        _not_commercial(_BY),
        "As CC-BY-4.0, without commercial use. Section 1(i) judges that by what a use is primarily"
        " intended for, which no bit holds: undecided.",
    ),
    License(
        "CC-BY-NC-SA-4.0",
        _not_commercial(_BY_SA),
        "As CC-BY-NC-4.0, with the same licence for adapted material (section 3(b)).",
    ),
    License(
        "ODbL-1.0",
        _open(_BY_SA, off_chain=True),
        "Section 3.1 permits all uses; 4.2 and 4.3 ask for notices. Section 4.4 asks for the same"
        " licence for derivative databases but not for produced works (4.5), and 4.7 for a copy"
        " without technical restriction; what a result is, no bit holds: undecided.",
    ),
    License(
        "ODC-By-1.0",
        _open(_BY),
        "Section 3.1 permits all uses; sections 4.2 and 4.3 ask for notices, which is attribution.",
    ),
    License(
        "CDLA-Permissive-2.0",
        _open(_BY),
        "Permits use, modification and sharing, and leaves results free; who shares the"
        " data passes on the text of the agreement, which is attribution.",
    ),
    License(
        "CDLA-Sharing-1.0",
        _open(_BY_SA, off_chain=True),
        "Puts shared data and enhancements under the same agreement, but leaves results of"
        " computational use free; which of the two something is, no bit holds: undecided.",
    ),
    License(
        "C-UDA-1.0",
        _COMPUTATIONAL,
        "Permits computational use alone: analysis by machines, training of models, no use of the"
        " works themselves, so no READ. What is computational is defined in words: undecided.",
    ),
    License(
        "O-UDA-1.0",
        _open(_BY),
        "Permits any use and sharing without restriction on results; who shares keeps the notices"
        " and disclaimers, which is attribution.",
    ),
    License(
        "DL-DE-BY-2.0",
        _open(_BY),
        "Number 1 permits any use, commercial or not; number 2 asks for the name of the provider,"
        " the licence and the source, number 3 to say what was changed: attribution.",
    ),
    License(
        "DL-DE-ZERO-2.0",
        _open(),
        "Permits any use without restriction or condition.",
    ),
    License(
        "etalab-2.0",
        _open(_BY),
        "Permits reproduction, adaptation, sharing and commercial use worldwide; asks for the"
        " source and the date of its last update: attribution.",
    ),
    License(
        "OGL-UK-3.0",
        _open(_BY, off_chain=True),
        "Permits copying, adaptation and commercial use with attribution, but does not cover"
        " personal data, logos or third parties' rights in the same data: undecided.",
    ),
)

LICENSES: Mapping[str, License] = MappingProxyType(
    {license_.spdx_id.lower(): license_ for license_ in _ALL}
)
"""All of them by lower-case SPDX identifier."""
