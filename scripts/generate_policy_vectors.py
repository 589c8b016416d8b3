"""Write ``tests/vectors/policy``: a small world of rights and requests with their answers.

``python -m scripts.generate_policy_vectors`` writes it; ``--check`` compares instead and fails on
any difference. The format is described in the README beside the files.

Promises: the same bytes on every machine. The answers are the library's; that the chain gives the
same is what ``scripts/policy_chain.py`` shows, on this world and on far larger ones.
"""

import json
import sys
from pathlib import Path

from provenance.policy.json_form import render
from scripts.policy_requests import Case, cases
from scripts.policy_worlds import FINAL_S, LATER_ROLES, ROLES_OF, SUSPENDED, Worlds

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "policy"
SEED = 52
TREES = 12
REQUESTS = 250


def document() -> dict[str, object]:
    """Return the world and its cases as JSON values."""
    world = Worlds(SEED).make(TREES)
    roles = ROLES_OF | LATER_ROLES
    return {
        "generated_by": "scripts/generate_policy_vectors.py",
        "format": 1,
        "as_of_time": FINAL_S,
        "parties": [
            {"party": party, "roles": roles[party], "is_active": party not in SUSPENDED}
            for party in sorted(roles)
        ],
        "policies": [render(policy) for policy in world.policies],
        "grants": [
            {name: int(getattr(planned.grant, name)) for name in planned.grant.__slots__}
            for planned in world.grants.values()
        ],
        "holds": [
            {"kind": kind, "target": target, "scope": hold.scope, "until": hold.until}
            for kind, target, hold in world.holds
        ],
        "closed_datasets": sorted(world.closed),
        "cases": [_case(case) for case in cases(world, REQUESTS, SEED)],
    }


def _case(case: Case) -> dict[str, object]:
    request = case.request
    return {
        "grant": case.grant,
        "actor": case.actor,
        "action": request.action,
        "purpose": request.purpose,
        "industry": request.industry,
        "mode": request.mode,
        "country": request.country.hex(),
        "security_grade": request.security_grade,
        "now": case.now,
        "code": int(case.answer.code),
        "detail": case.answer.detail,
    }


def main(words: list[str]) -> int:
    """Write or check; return 0, or 1 if the committed file differs."""
    path = VECTORS / "rights.json"
    text = json.dumps(document(), separators=(",", ":"), sort_keys=True) + "\n"
    if "--check" not in words:
        path.write_text(text, encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    print(f"{path.name} differs: run python -m scripts.generate_policy_vectors", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
