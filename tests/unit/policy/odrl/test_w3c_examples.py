"""The W3C's own examples: each imported, or refused for the right reason."""

import os
import re
from pathlib import Path

import pytest

from provenance.errors import InvalidDocument, UnsupportedOdrlTerm
from provenance.policy.odrl.export import export_again
from provenance.policy.odrl.import_ import import_document
from provenance.policy.vocabulary import Action

BESIDE = Path(__file__).resolve().parents[4].parent / "shared" / "data"
CORPUS = Path(os.environ.get("PROVENANCE_CORPUS", BESIDE)) / "odrl"
pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"no W3C examples in {CORPUS}: name their folder with PROVENANCE_CORPUS",
)
READ, STORE = int(Action.READ), int(Action.STORE)
USE = 0x0001BF00

# Actions, prohibited, and how many targets and assignees.
IMPORTED = {
    "model/example01.json": (USE, 0, 1, 0),
    "model/example03.json": (READ, 0, 1, 1),
    "model/example13.json": (int(Action.DISTRIBUTE), 0, 1, 0),
    "model/example19.json": (READ, STORE, 1, 1),
    "model/example25.json": (READ, 0, 1, 0),
    "model/example27.json": (READ, 0, 2, 0),
    "model/example29.json": (READ, 0, 1, 2),
}
# The first term that cannot be held, and where it stands.
REFUSED = {
    "model/example05.json": ("summary", "permission[0].summary"),
    "model/example09.json": ("@type", "permission[0].assigner[0].@type"),
    "model/example17.json": ("refinement", "permission[0].assignee[0].refinement"),
    "model/example21.json": ("consequence", "obligation[0].consequence"),
    "model/example23.json": ("consequence", "permission[0].duty[0].consequence"),
    "model/example31.json": ("permission", ""),
    "model/example33.json": ("inheritFrom", "inheritFrom"),
    "model/example35.json": ("conflict", "conflict"),
}
# The examples of the vocabulary are in the JSON of ODRL 2.1, which is not JSON-LD.
OLD = {f"vocab/examples/example{number}.json": "permissions" for number in (1, 2, 3, 4, 5)}
OLD |= {f"vocab/examples/example{number}.json": "permissions" for number in (10, 11, 12)}
OLD |= {"vocab/examples/example8.json": "conflict"}
TWO_DOCUMENTS = {"vocab/examples/example6.json", "vocab/examples/example9.json"}


def document(name):
    """Return an example and the profile it names, which adds no meaning to what it says."""
    data = (CORPUS / name).read_bytes()
    return data, re.findall(r'"profile": "([^"]+)"', data.decode())


def test_no_example_is_forgotten():
    folders = ("model", "vocab/examples")
    found = {f"{folder}/{path.name}" for folder in folders for path in (CORPUS / folder).iterdir()}
    assert found == {*IMPORTED, *REFUSED, *OLD, *TWO_DOCUMENTS}


@pytest.mark.parametrize("name", IMPORTED)
def test_examples_that_terms_can_hold_are_imported(name):
    data, profiles = document(name)
    found = import_document(data, profiles=profiles)
    policy, scope = found.policy, found.scope
    counts = len(scope.targets), len(scope.assignees)
    assert (policy.actions, policy.prohibited, *counts) == IMPORTED[name]
    assert not policy.off_chain_terms
    again = import_document(export_again(found))
    assert (again.policy, again.scope) == (policy, scope)


def test_a_date_bounds_the_window():
    data, profiles = document("model/example13.json")
    policy = import_document(data, profiles=profiles).policy
    assert (policy.not_before, policy.not_after) == (0, 1_514_764_799)


@pytest.mark.parametrize("name", REFUSED)
def test_examples_that_terms_cannot_hold_are_refused_by_term_and_path(name):
    data, profiles = document(name)
    with pytest.raises(UnsupportedOdrlTerm) as caught:
        import_document(data, profiles=profiles)
    assert (caught.value.term, caught.value.path) == REFUSED[name]


@pytest.mark.parametrize("name", OLD)
def test_examples_of_an_older_form_are_refused(name):
    with pytest.raises(UnsupportedOdrlTerm, match=r"not a term of ODRL 2\.2 in JSON-LD") as caught:
        import_document(document(name)[0])
    assert caught.value.term == OLD[name]


@pytest.mark.parametrize("name", sorted(TWO_DOCUMENTS))
def test_two_documents_in_one_file_are_refused(name):
    with pytest.raises(InvalidDocument, match="expected one JSON document"):
        import_document(document(name)[0])


@pytest.mark.parametrize("name", sorted({*IMPORTED, *REFUSED} - {"model/example01.json"}))
def test_an_unknown_profile_is_refused(name):
    with pytest.raises(UnsupportedOdrlTerm, match="may give terms another meaning"):
        import_document(document(name)[0])
