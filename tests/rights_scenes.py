"""Random scenes of grants and uses, and what the ledger must answer to each question.

A scene is a list of calls that build a tree of grants on a fresh ledger, and a list of questions
"may this party do this under that grant now?", each with the code and the detail expected. The
expectation comes from ``rights_answers.answer``, which is literal and slow and shares nothing with
the evaluator under test. The format is that of
``tests/contracts/foundry/RightsScenes.t.sol``.

``python tests/rights_scenes.py FILE SCENES REQUESTS SEED`` writes a file.
"""

import json
import random
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from eth_abi import encode
from eth_hash.auto import keccak
from rights_answers import CODES, DERIVE, EXPORT, WHY, Cut, Terms, answer, inactivity
from rights_questions import COUNTRIES, ask, pack, some_of

ADMIN, MODULE = 0, 5
CLOCK, PARTIES, SUPERVISION, DATASETS, POLICIES, LICENSES = range(6)
START_S = 1_790_000_000
HOLDER = 1
NO_END = 2**40 - 1
UNLIMITED_USES = 2**40 - 1
UNLIMITED_DURATION = 2**32 - 1
USES = 0x0003FF00
LICENSE, TRANSFER = 1 << 21, 1 << 28
ROLES = ((1 << 26) - 1) & ~0x1800D & ~0x2
SCOPES = {"use": 1 << 3, "derive": 1 << 4, "export": 1 << 7}
POLICY = (
    "(uint32,uint64,uint32,uint32,uint16,uint8,bool,uint64,"
    "uint32,uint16,uint8,uint8,uint40,uint40,uint32,uint40,uint32)"
)
TERMS = "(uint64,uint64,uint64,uint64,uint40,uint40,uint40,bool)"
REASON = b"\x01" * 32
ASSIGNMENT = ("proposeAssignment", "consentToAssignment")


@dataclass
class Scene:
    """The ledger as far as questions depend on it, and the calls that led there."""

    random: random.Random
    now: int = START_S
    closed: bool = False
    grants: dict = field(default_factory=dict)
    roles: dict = field(default_factory=lambda: dict.fromkeys(range(1, 5), ROLES))
    inactive: set = field(default_factory=set)
    holds: list = field(
        default_factory=list
    )  # id, target, scope, until; as the contract lists them
    placed: int = 0
    territories: list = field(default_factory=list)
    policies: list = field(default_factory=list)
    calls: list = field(default_factory=list)

    def call(self, actor, target, signature, *values):
        """Append a call of a function."""
        _name, kinds = signature.split("(", 1)
        types = _split(kinds[:-1])
        data = keccak(signature.encode())[:4] + encode(types, values)
        self.calls.append((actor, target, data))

    def wait(self, until):
        """Move the clock."""
        self.now = max(self.now, until)
        self.calls.append((ADMIN, CLOCK, encode(["uint256"], [self.now - START_S])))


def _split(kinds):
    parts, depth, part = [], 0, ""
    for character in kinds:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [*parts, part] if part else parts


def _bits(countries):
    word = 0
    for code in countries:
        word |= 1 << (26 * (ord(code[0]) - 65) + ord(code[1]) - 65)
    return [(word >> (256 * index)) & (2**256 - 1) for index in range(3)]


def _narrower(rng, above):
    """Return terms within others."""
    terms = replace(above)
    terms.actions = some_of(rng, above.actions, 0.85)
    terms.sub_depth = max(above.sub_depth - 1 - (rng.random() < 0.1), 0)
    terms.actions &= ~LICENSE
    if terms.sub_depth and (rng.random() < 0.9 or not terms.actions):
        terms.actions |= LICENSE & above.actions
    if not terms.actions:
        terms.actions = some_of(rng, above.actions & ~LICENSE or above.actions)
        if terms.actions & LICENSE and not terms.sub_depth:
            return None
    for name in ("purposes", "industries", "roles", "modes"):
        if rng.random() < 0.4:
            setattr(terms, name, some_of(rng, getattr(above, name), 0.8))
    if rng.random() < 0.4:
        terms.grade = rng.randint(above.grade, min(above.grade + 3, 255))
    terms.off_chain = above.off_chain or rng.random() < 0.1
    if rng.random() < 0.4:
        pool = sorted(above.territory) if above.territory is not None else COUNTRIES
        terms.territory = frozenset(rng.sample(pool, rng.randint(1, len(pool))))
    if rng.random() < 0.2:
        terms.max_duration = min(above.max_duration, rng.randint(1, 10_000))
    return terms


def _store(scene, terms):
    territory = 0
    if terms.territory is not None:
        if terms.territory not in scene.territories:
            scene.territories.append(terms.territory)
            words = _bits(terms.territory)
            scene.call(HOLDER, POLICIES, "storeTerritory(uint256[3])", words)
        territory = scene.territories.index(terms.territory) + 1
    derivation = 1 if terms.actions & DERIVE else 0
    policy = (
        *(terms.actions, terms.purposes, terms.industries, terms.roles, terms.modes),
        *(terms.grade, terms.off_chain, territory, 0, 0, terms.sub_depth, derivation),
        *(0, NO_END, terms.max_duration, terms.max_uses, 1),
    )
    if policy not in scene.policies:
        scene.policies.append(policy)
        signature = f"storePolicy({POLICY},bytes32,bytes32)"
        scene.call(HOLDER, POLICIES, signature, policy, bytes(32), bytes(32))
    return scene.policies.index(policy) + 1


def _issue(scene, parent):
    """Cut a grant from the title (0) or from a grant, if that is possible."""
    rng = scene.random
    widest = Terms(
        *(USES | LICENSE | TRANSFER | EXPORT, 2**64 - 1, 2**32 - 1, ROLES, 0x3F, 0),
        *(False, None, 5, UNLIMITED_DURATION, UNLIMITED_USES),
    )
    above = scene.grants[parent].terms if parent else widest
    if parent and (inactivity(scene, parent) != "NONE" or not above.actions & LICENSE):
        return
    if scene.closed or (parent and scene.grants[parent].grantee in scene.inactive):
        return
    terms = _narrower(rng, above)
    ways = [
        p for p in range(1, 5) if p not in scene.inactive and terms and scene.roles[p] & terms.roles
    ]
    if not terms or not ways:
        return
    from_, until = (0, NO_END)
    left = UNLIMITED_USES
    if parent:
        from_, until = scene.grants[parent].not_before, scene.grants[parent].not_after
        left = scene.grants[parent].left
    if left == 0:
        return
    if rng.random() < 0.3:
        from_ = max(from_, scene.now + rng.randint(-50, 30))
    if rng.random() < 0.3:
        until = min(until, scene.now + rng.randint(1, 120))
    uses = left if rng.random() < 0.6 else rng.randint(1, min(left, 7))
    if not (from_ < until and until > scene.now):
        return
    policy = _store(scene, terms)
    actor = scene.grants[parent].grantee if parent else HOLDER
    grantee = rng.choice(ways)
    cut = (1, parent, policy, grantee, from_, until, uses, False)
    scene.call(actor, LICENSES, f"issue({TERMS},uint64)", cut, 0)
    if parent and left != UNLIMITED_USES:
        scene.grants[parent].left -= uses
    dormant = terms.max_duration != UNLIMITED_DURATION
    number = len(scene.grants) + 1
    scene.grants[number] = Cut(parent, terms, grantee, from_, until, uses, dormant=dormant)


def _activate(scene, grant):
    cut = scene.grants[grant]
    probe = replace(cut, dormant=False)
    scene.grants[grant] = probe
    ready = cut.dormant and inactivity(scene, grant) == "NONE"
    scene.grants[grant] = cut
    if not ready or cut.grantee in scene.inactive:
        return
    scene.call(cut.grantee, LICENSES, "activate(uint64,uint64)", grant, 0)
    cut.dormant = False
    cut.not_after = min(cut.not_after, scene.now + cut.terms.max_duration)


def _report(scene, grant):
    cut = scene.grants[grant]
    chain = [grant]
    while scene.grants[chain[-1]].parent:
        chain.append(scene.grants[chain[-1]].parent)
    targets = ["dataset", *chain, ("party", cut.grantee)]
    held = any(on in targets and scope == "use" for _, on, scope, _ in scene.holds)
    if held or cut.left == 0 or cut.grantee in scene.inactive:
        return
    if inactivity(scene, grant) != "NONE":
        return
    count = cut.left if cut.left <= 5 and scene.random.random() < 0.6 else 1
    signature = "report(uint64,uint40,uint40,bytes32,uint64)"
    scene.call(cut.grantee, LICENSES, signature, grant, cut.used + 1, count, REASON, 0)
    cut.used += count
    if cut.left != UNLIMITED_USES:
        cut.left -= count


def _set_status(scene, grant):
    cut = scene.grants[grant]
    by = scene.grants[cut.parent].grantee if cut.parent else HOLDER
    act, status = scene.random.choice(
        [
            ("suspend", "SUSPENDED"),
            ("suspend", "SUSPENDED"),
            ("resume", "ACTIVE"),
            ("revoke", "REVOKED"),
        ]
    )
    if by in scene.inactive or cut.status in (status, "REVOKED"):
        return
    scene.call(by, LICENSES, f"{act}(uint64,bytes32,uint64)", grant, REASON, 0)
    cut.status = status


def _assign(scene, grant):
    """Pass a grant on, if that is possible."""
    cut = scene.grants[grant]
    by = scene.grants[cut.parent].grantee if cut.parent else HOLDER
    if not cut.terms.actions & TRANSFER or inactivity(scene, grant) != "NONE":
        return
    able = [p for p in range(1, 5) if p != cut.grantee and scene.roles[p] & cut.terms.roles]
    able = [party for party in able if party not in scene.inactive]
    if not able or {by, cut.grantee} & scene.inactive:
        return
    to = scene.random.choice(able)
    propose, consent = (f"{act}(uint64,uint64,uint64)" for act in ASSIGNMENT)
    scene.call(cut.grantee, LICENSES, propose, grant, to, 0)
    scene.call(by, LICENSES, consent, grant, to, 0)
    scene.call(to, LICENSES, "acceptAssignment(uint64,uint64)", grant, 0)
    cut.grantee = to


def _lift(scene, place):
    """Lift a hold: the last one on its target takes its place."""
    number, on, *_ = scene.holds[place]
    last = max(at for at, hold in enumerate(scene.holds) if hold[1] == on)
    scene.holds[place] = scene.holds[last]
    del scene.holds[last]
    scene.call(MODULE, SUPERVISION, "lift(uint64,bytes32)", number, REASON)


def _disturb(scene):
    """Change what is not the grants' own: holds, roles, parties, the title."""
    rng = scene.random
    which = rng.random()
    party = rng.randint(2, 4)
    if which < 0.35:
        on = rng.choice(["dataset", ("party", party), *scene.grants])
        scope = rng.choice(sorted(SCOPES))
        until = 0 if rng.random() < 0.3 else scene.now + rng.randint(1, 20)
        kind, number = (2, 1) if on == "dataset" else (3, on)
        if on == ("party", party):
            kind, number = 1, party
        subject = bytes([kind]) + bytes(23) + number.to_bytes(8, "big")
        signature = "place(bytes32,uint8,uint16,uint64,bytes32,uint48)"
        scene.call(MODULE, SUPERVISION, signature, subject, 1, SCOPES[scope], 0, REASON, until)
        scene.placed += 1
        scene.holds.append((scene.placed, on, scope, until))
    elif which < 0.65:
        scene.roles[party] = some_of(rng, ROLES, 0.05)
        scene.call(ADMIN, PARTIES, "setRoles(uint64,uint32)", party, scene.roles[party])
    elif which < 0.85:
        act = "restore" if party in scene.inactive else "suspend"
        scene.inactive ^= {party}
        scene.call(ADMIN, PARTIES, f"{act}(uint64,bytes32)", party, REASON)
    elif which < 0.93 and scene.holds:
        _lift(scene, rng.randrange(len(scene.holds)))
    elif which > 0.93 and not scene.closed:
        scene.closed = True
        scene.call(HOLDER, DATASETS, "deregister(uint64,bytes32,uint64)", 1, REASON, 0)


def _edge(scene):
    """Return a moment at, or a second beside, an edge that matters."""
    edges = [scene.now + scene.random.randint(1, 60)]
    for cut in scene.grants.values():
        edges += [cut.not_before - 1, cut.not_before, cut.not_after, cut.not_after + 1]
    edges += [until + more for *_, until in scene.holds if until for more in (0, 1)]
    near = sorted(edge for edge in edges if scene.now <= edge < scene.now + 500)
    return scene.random.choice(near[:3] or [scene.now])


def make(seed):
    """Return a scene: a dataset, a tree of grants, and what happened to them."""
    scene = Scene(random.Random(seed))
    rng = scene.random
    classification = (2, 1, 1, 0, 0, 0, b"CN", 1)
    content = (REASON, REASON, bytes(32), 0, bytes(32))
    scene.call(
        *(HOLDER, DATASETS),
        "register((uint8,uint8,uint8,uint8,uint8,uint8,bytes2,uint32),bytes32,"
        "(bytes32,bytes32,bytes32,uint64,bytes32),uint64)",
        *(classification, REASON, content, 0),
    )
    for _ in range(rng.randint(2, 9)):
        deepest = list(scene.grants)[-3:]
        _issue(scene, rng.choice([0, *deepest, *deepest]) if deepest else 0)
        if scene.grants and rng.random() < 0.8:
            _activate(scene, max(scene.grants))
        if scene.grants and rng.random() < 0.4:
            _report(scene, rng.choice(list(scene.grants)))
        if scene.grants and rng.random() < 0.2:
            _assign(scene, rng.choice(list(scene.grants)))
        if rng.random() < 0.1:
            scene.wait(_edge(scene))
    for _ in range(rng.randint(0, 6)):
        if scene.grants and rng.random() < 0.4:
            _set_status(scene, rng.choice(list(scene.grants)))
        elif scene.grants and rng.random() < 0.2:
            _report(scene, rng.choice(list(scene.grants)))
        else:
            _disturb(scene)
    if rng.random() < 0.4:
        scene.wait(_edge(scene))
    return scene


def line(scene, requests):
    """Return the line of a scene with so many questions, and the codes that they lead to."""
    words, codes = [], []
    for _ in range(requests):
        grant, actor, request = ask(scene)
        code, detail = answer(scene, grant, actor, request)
        words.append(pack(grant, actor, request, code, detail))
        codes.append(code if code != "GRANT_NOT_ACTIVE" else WHY[detail])
    data = encode(["(uint8,uint8,bytes)[]", "uint256[]"], [scene.calls, words])
    return "0x" + data.hex(), codes


def write(path, scenes, requests, seed):
    """Write a file of scenes; return how often each answer occurs."""
    counts = dict.fromkeys([*CODES, *WHY[1:]], 0)
    with Path(path).open("w", encoding="ascii") as out:
        out.write("rights-scenes/1\n")
        for number in range(scenes):
            text, codes = line(make(seed * 1_000_003 + number), requests)
            out.write(text + "\n")
            for code in codes:
                counts[code] += 1
    return counts


if __name__ == "__main__":
    target, *numbers = sys.argv[1:]
    sys.stdout.write(json.dumps(write(target, *map(int, numbers))))
