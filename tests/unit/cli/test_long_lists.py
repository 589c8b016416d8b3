"""Lists that stop say so, and go on where they stopped."""

import functools
import json

from provenance.index import rights
from provenance.ledger import license_views, views

LISTS = [
    (license_views, "all_policies", ("policies", "list"), 2),
    (license_views, "grants", ("grants", "list", "--dataset", 1), 2),
    (license_views, "offers", ("offers", "list"), 2),
    (views, "all_parties", ("parties", "list"), 4),
]
MORE = "more: --after "


def fill(type_, folder):
    """Make two of everything that is listed; a transfer of all titles waits already."""
    for grade in (1, 2):
        (folder / "terms.json").write_text(
            json.dumps({"actions": ["read"], "min_security_grade": grade})
        )
        type_("policies", "import", folder / "terms.json")
        type_("grants", "issue", "--dataset", 1, "--policy", grade, "--to", "bank")
        type_("offers", "make", 1, "--policy", grade)
    type_("datasets", "register", folder / "terms.json", "--title", "T")
    type_("titles", "transfer", 2, "--to", "bank")


def test_lists_that_stop_say_so(type_, home, tmp_path, monkeypatch):
    fill(type_, tmp_path)
    for module, name, words, count in LISTS:
        assert MORE not in type_(*words).err
        with monkeypatch.context() as short:
            short.setattr(module, name, functools.partial(getattr(module, name), limit=1))
            found = [type_(*words)]
            while found[-1].err:
                found.append(type_(*words, "--after", found[-1].err.strip().removeprefix(MORE)))
        assert [len(page.out.splitlines()) for page in found] == [2] * count
        assert len({page.out for page in found}) == count
    monkeypatch.setattr(views, "INBOX_ITEMS", 1)
    assert f"{MORE}1" in type_("titles", "inbox", "--as", "bank").err
    rest = type_("titles", "inbox", "--as", "bank", "--after", 1).err
    assert MORE not in rest
    assert "transfer 2" in rest
    assert "left out" not in type_("rights", "show", 1).err
    assert "left out" not in type_("grants", "tree", "--dataset", 1).err
    monkeypatch.setattr(rights, "MAX_LIMIT", 1)
    assert "some holders, grants or offers are left out" in type_("rights", "show", 1).err
    real = license_views.tree
    monkeypatch.setattr(license_views, "tree", lambda *a, **k: real(*a, **k) | {"next": 1})
    assert "grants above 1 are left out" in type_("grants", "tree", "--dataset", 1).err
