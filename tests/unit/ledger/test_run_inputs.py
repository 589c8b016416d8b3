"""Which version is meant by a content that several parties claim."""

from pathlib import Path

import pytest

from provenance.content import manifest
from provenance.errors import ContractRevert, InputError, NotFoundError, ReadError, RootMismatch
from provenance.ledger import contests, datasets, grants, holds, lineage_views, parties, policies
from provenance.ledger.claims import ways_to
from provenance.ledger.opening import open_ledger
from provenance.ledger.parties import Profile
from provenance.lineage.records import Input, VersionRef
from provenance.recording import recording


class World:
    """Parties that claim the same file; the bank is the one that works with it."""

    def __init__(self, settings, clock):
        self.settings, self.clock = settings, clock
        Path("same").write_text("the same content")
        Path("other").write_text("what the lender had before")
        Path("job.py").write_text("clean")
        with self.open() as ledger:
            parties.add(ledger, "lender", Profile.of_words("CN"), ("supplier",))
            self.bank = ledger.party_of_signer("bank")

    def open(self):
        return open_ledger(self.settings, clock=self.clock)

    def claim(self, who, path="same"):
        with self.open() as ledger:
            made = manifest.build(Path(path))
            found = datasets.register(ledger, who, made, who)
            self.settle(ledger, found)
        return found.dataset_id

    def publish(self, who, dataset_id):
        with self.open() as ledger:
            found = datasets.publish(ledger, who, dataset_id, manifest.build(Path("same")))
            self.settle(ledger, found)
        return dataset_id

    @staticmethod
    def settle(ledger, found):
        """End a contest: the first claim stays the first, and the later dataset may be used."""
        if found.contested is not None:
            hold_id = found.contested.hold_id
            contests.decide(ledger, "regulator", hold_id, "earlier", b"award 1")
            holds.lift(ledger, "regulator", hold_id, b"a licence was shown")

    def lend(self, who, dataset_id, actions=("modify", "derive"), **limits):
        terms = {"actions": list(actions), "purposes": ["rd_test"], "modes": ["api"]}
        if "derive" in actions:
            terms["derivation"] = "attribution_only"
        with self.open() as ledger:
            policy_id = policies.store(ledger, who, policies.of_json(terms)).policy_id
            limits["dataset_id"] = dataset_id
            return grants.issue(ledger, who, policy_id, self.bank, **limits).grant_id

    def ways(self):
        with self.open() as ledger:
            ledger.sync()
            root = manifest.build(Path("same")).root
            return ways_to(ledger, root, self.bank, int(self.clock()))

    def used(self):
        """Return the input of a run of the bank that names it by content."""
        how = {"signer": "bank", "settings": self.settings, "clock": self.clock}
        how |= {"code": Path("job.py"), "output": "out", "title": "O", "purpose": ("rd_test",)}
        how |= {"industry": ("C",), "mode": ("api",)}
        with recording("clean", inputs={"same": None}, **how) as run:
            Path("out").write_text("made of it")
        with self.open() as ledger:
            (one,) = lineage_views.activity(ledger, run.recorded.activity_id)["inputs"]
        return Input(VersionRef(one["dataset_id"], one["version"]), one["grant_id"])


@pytest.fixture
def world(settings, clock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return World(settings, clock)


def held(dataset_id, version=1):
    return Input(VersionRef(dataset_id, version), None)


def lent(dataset_id, grant_id, version=1):
    return Input(VersionRef(dataset_id, version), grant_id)


def test_the_own_title_comes_before_the_first_claim(world):
    first = world.claim("founder")
    assert world.ways() == [held(first)]
    own = world.claim("bank")
    assert world.ways() == [held(own)]
    assert world.used() == held(own)


def test_a_grant_comes_before_the_first_claim_and_after_the_own_title(world):
    of = world.claim("lender", "other")
    grant_id = world.lend("lender", of)
    world.claim("founder")
    world.publish("lender", of)
    assert world.used() == lent(of, grant_id, 2)
    own = world.claim("bank")
    assert world.ways() == [held(own), lent(of, grant_id, 2)]
    assert world.used() == held(own)


def test_a_contested_claim_of_its_own_gives_way_to_a_grant(world):
    of = world.claim("lender")
    grant_id = world.lend("lender", of)
    with world.open() as ledger:
        datasets.register(ledger, "bank", manifest.build(Path("same")), "bank")
    assert world.used() == lent(of, grant_id)


def test_of_several_grants_one_is_taken_that_permits_it(world, clock):
    of = world.claim("lender")
    narrow, wide = world.lend("lender", of, actions=("read",)), world.lend("lender", of)
    later = world.lend("lender", of, not_before=int(clock()) + 10**6)
    assert world.ways() == [lent(of, narrow), lent(of, wide)]
    assert world.used() == lent(of, wide)
    clock.jump(10**6 + 60)
    assert world.ways() == [lent(of, narrow), lent(of, wide), lent(of, later)]


def test_an_own_version_that_was_withdrawn_gives_way_to_a_grant(world):
    of = world.claim("lender")
    grant_id = world.lend("lender", of)
    own = world.claim("bank")
    assert world.used() == held(own)
    with world.open() as ledger:
        datasets.withdraw_version(ledger, "bank", own, 1, b"wrong")
    assert world.used() == lent(of, grant_id)


def test_without_a_right_the_first_claim_is_meant_and_refused(world):
    first = world.claim("founder")
    world.claim("lender")
    assert world.ways() == [held(first)]
    with pytest.raises(ContractRevert) as refused:
        world.used()
    assert refused.value.name == "InputNotCovered"
    assert refused.value.arguments == {"dataset": first, "version": 1}
    assert not Path("out").exists()


def test_of_own_claims_the_one_with_precedence_is_meant(world):
    own = world.claim("bank")
    again = world.claim("bank")
    assert world.ways() == [held(own), held(again)]
    assert world.used() == held(own)


def test_a_grant_that_began_since_the_newest_block_is_usable(world, clock):
    of = world.claim("lender")
    grant_id = world.lend("lender", of, not_before=int(clock()) + 1000)
    world.lend("lender", of, actions=("read",))
    clock.jump(2000)
    assert world.used() == lent(of, grant_id)


@pytest.fixture
def tables(place):
    """A folder registered without what was left over in it, and a file with two digests."""
    _, how = place
    Path("d").mkdir()
    Path("d/x.csv").write_text("x")
    Path("d/x.tmp").write_text("left over")
    Path("two").write_text("two digests")
    made = {
        "d": manifest.build(Path("d"), ignore=["*.tmp"]),
        "two": manifest.build(Path("two"), algorithms=["sha256", "blake3"]),
        "b": manifest.build(Path("b"), private=True),
    }
    with open_ledger(how["settings"], clock=how["clock"]) as ledger:
        registered = {
            path: datasets.register(ledger, "founder", content, path)
            for path, content in made.items()
        }
    return {path: f"{one.dataset_id}:1" for path, one in registered.items()}, how


@pytest.mark.parametrize("by_name", [True, False])
def test_an_input_is_compared_under_the_header_of_its_version(tables, by_name):
    named, how = tables
    inputs = {path: named[path] if by_name else None for path in ("d", "two")}
    with recording("apply", inputs=inputs, **how) as run:
        Path("d/y.tmp").write_text("no part of the version")
    assert run.recorded.activity_id == 1
    with (
        pytest.raises(ReadError, match="the input 'd' changed"),
        recording("apply", inputs=inputs, **how),
    ):
        Path("d/x.csv").write_text("y")


def test_an_input_that_is_no_version_under_any_header_is_refused(tables):
    named, how = tables
    Path("two").write_text("other")
    for text, error in ((named["two"], RootMismatch), (None, NotFoundError)):
        with pytest.raises(error), recording("apply", inputs={"two": text}, **how):
            pytest.fail("it began")


def test_a_private_version_cannot_be_compared(tables):
    named, how = tables
    with (
        pytest.raises(InputError, match=f"found that {named['b']} is private"),
        recording("apply", inputs={"b": named["b"]}, **how),
    ):
        pytest.fail("it began")


def test_without_its_manifest_a_version_has_no_other_header(tables, tmp_path):
    named, how = tables
    content = manifest.build(Path("two"), algorithms=["sha256", "blake3"])
    with open_ledger(how["settings"], clock=how["clock"]) as ledger:
        ledger.documents.path(content.manifest_hash).unlink()
    with pytest.raises(RootMismatch), recording("apply", inputs={"two": named["two"]}, **how):
        pytest.fail("it began")
