"""What others declare is registered once every file was measured, and not before."""

import json

import pytest

from provenance.content import manifest
from provenance.errors import InputError, NotFoundError, VerificationError
from provenance.ledger import declarations, interchange


def described(folder, **fields):
    files = [
        {
            "@type": "cr:FileObject",
            "contentUrl": entry.path,
            "sha256": entry.digests["sha256"].hex(),
        }
        for entry in manifest.build(folder).entries()
    ]
    return json.dumps({"name": "Declared", "distribution": files, **fields}).encode()


def test_what_is_declared_is_registered_once_it_was_measured(ledger, folder):
    document = described(folder, license="MIT")
    found = declarations.register_described(ledger, "founder", document, folder)
    assert found.registration.root == manifest.build(folder).root
    assert found.same_root is None
    about = json.loads(ledger.documents.get(found.registration.metadata_hash))
    assert about == {
        "format": "provenance-metadata/1",
        "title": "Declared",
        "license": "MIT",
        "described_by": {"format": "croissant", "sha256": found.declared.sha256.hex()},
    }
    assert ledger.documents.get(found.declared.sha256) == document
    ledger.sync()
    ours = interchange.export(ledger, 1, 1, "croissant").content
    again = declarations.register_described(ledger, "founder", ours, folder, title="Again")
    assert again.same_root is True


def test_what_is_not_as_declared_is_not_registered(ledger, folder):
    document = described(folder)
    (folder / "a.csv").write_text("another\n")
    with pytest.raises(VerificationError, match="expected sha256"):
        declarations.register_described(ledger, "founder", document, folder)
    for fields in ({"distribution": []}, {"distribution": json.loads(document)["distribution"]}):
        for item in fields["distribution"][:1]:
            item["sha256"] = "later"
        with pytest.raises(InputError, match="expected a digest of every file"):
            declarations.register_described(ledger, "founder", described(folder, **fields), folder)
    with pytest.raises(InputError, match="expected a title"):
        declarations.register_described(ledger, "founder", described(folder, name=""), folder)
    ledger.sync()
    with pytest.raises(NotFoundError):
        interchange.export(ledger, 1, None, "dcat")


def test_a_single_file_is_known_by_its_content(ledger, folder):
    document = described(folder / "a.csv").replace(b'"."', b'"https://example.org/some.csv"')
    found = declarations.register_described(ledger, "founder", document, folder / "a.csv")
    assert found.registration.root == manifest.build(folder / "a.csv").root
