"""What is asked about a scene of grants and uses, and how a question is written.

Each fits the terms mostly, with something else now and then. The format is that of
``tests/contracts/foundry/RightsScenes.t.sol``.
"""

from rights_answers import CODES

COUNTRIES = ["CN", "SG", "DE", "FR", "HK", "AA", "ZZ", "JV", "JW", "TR", "TS"]


def some_of(rng, word, at_least=0.5):
    """Return part of a set of bits, never none of it."""
    bits = [bit for bit in range(64) if word >> bit & 1]
    kept = [bit for bit in bits if rng.random() < at_least] or [rng.choice(bits)]
    return sum(1 << bit for bit in kept)


def ask(scene):
    """Return a question: what fits the terms mostly, with something else now and then."""
    rng = scene.random
    numbers = list(scene.grants)
    grant = rng.choice(numbers) if numbers and rng.random() < 0.98 else rng.randint(0, 255)
    cut = scene.grants.get(grant)
    if cut is None:
        return grant, rng.randint(1, 4), (1 << 8, 1, 1, 1, "CN", 0)
    actor = cut.grantee if rng.random() < 0.98 else rng.randint(0, 5)
    terms = cut.terms
    action = some_of(rng, terms.actions, 0.0)
    purpose, industry = some_of(rng, terms.purposes, 0.1), some_of(rng, terms.industries, 0.1)
    mode = some_of(rng, terms.modes, 0.3)
    country = rng.choice(sorted(terms.territory) if terms.territory is not None else COUNTRIES)
    grade = rng.choice([terms.grade, terms.grade, 255])
    if rng.random() < 0.08:
        action = rng.choice([0, 1 << rng.randint(0, 31), 1 << rng.randint(0, 31), action | 1 << 8])
    if rng.random() < 0.08:
        purpose = rng.choice([0, 1 << rng.randint(0, 63), purpose | 1 << rng.randint(0, 63)])
    if rng.random() < 0.08:
        industry = rng.choice([0, 1 << rng.randint(0, 31), industry | 1 << rng.randint(0, 31)])
    if rng.random() < 0.08:
        mode = rng.choice([0, 1 << rng.randint(0, 15), mode | 1 << rng.randint(0, 15)])
    if rng.random() < 0.1:
        country = rng.choice([*COUNTRIES, "cn", "C\x00", "@A", "A@", "[A", "A[", "Zz", "\xffA"])
    if rng.random() < 0.1:
        grade = max(terms.grade - 1, 0)
    return grant, actor, (action, purpose, industry, mode, country, grade)


def pack(grant, actor, request, code, detail):
    """Return a question and its answer as one word."""
    action, purpose, industry, mode, country, grade = request
    word = 0
    for value, bits in (
        *((grant, 8), (actor, 8), (action, 32), (purpose, 64), (industry, 32), (mode, 16)),
        *((int.from_bytes(country.encode("latin-1"), "big"), 16), (grade, 8)),
        *((CODES.index(code), 8), (detail, 64)),
    ):
        word = word << bits | value
    return word
