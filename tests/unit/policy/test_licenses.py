import hashlib

import pytest

from provenance.errors import NotFoundError
from provenance.policy.licenses import LICENSES, find, hash_of
from provenance.policy.odrl.export import export
from provenance.policy.odrl.import_ import import_document
from provenance.policy.terms import require_valid
from provenance.policy.vocabulary import Action, Derivation, Duty

UNDECIDED = {
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "ODbL-1.0",
    "CDLA-Sharing-1.0",
    "C-UDA-1.0",
    "OGL-UK-3.0",
}
SHARE_ALIKE = {
    "CC-BY-SA-4.0",
    "CC-BY-NC-SA-4.0",
    "ODbL-1.0",
    "CDLA-Sharing-1.0",
    "C-UDA-1.0",
}
WITHOUT_DUTIES = {"CC0-1.0", "PDDL-1.0", "DL-DE-ZERO-2.0"}
ALL = pytest.mark.parametrize("license_", LICENSES.values(), ids=lambda one: one.spdx_id)


@ALL
def test_terms_are_such_that_the_contract_stores_them(license_):
    require_valid(license_.policy, 0)
    assert len(license_.reason) > 40
    assert not license_.policy.actions & (Action.LICENSE | Action.TRANSFER | Action.SHARE_GOV)


@ALL
def test_what_a_text_asks_is_in_the_terms(license_):
    policy, name = license_.policy, license_.spdx_id
    assert policy.off_chain_terms == (name in UNDECIDED)
    assert (policy.duties == 0) == (name in WITHOUT_DUTIES)
    assert bool(policy.duties & Duty.SAME_TERMS) == (name in SHARE_ALIKE)
    expected = Derivation.SAME_TERMS if name in SHARE_ALIKE else Derivation.ATTRIBUTION_ONLY
    assert policy.derivation is expected
    assert bool(policy.prohibited & Action.COMMERCIAL) == ("-NC-" in name)


@ALL
def test_licences_go_out_and_in_as_odrl(license_):
    document = export(license_.policy, f"urn:example:{license_.spdx_id}")
    assert import_document(document).policy == license_.policy


def test_a_licence_is_found_whatever_its_case():
    assert find("cc0-1.0").spdx_id == "CC0-1.0"
    assert hash_of("CC0-1.0") == hashlib.sha256(b"CC0-1.0").digest()
    with pytest.raises(NotFoundError, match="no ready-made terms for the licence GPL-3"):
        find("GPL-3.0-only")
