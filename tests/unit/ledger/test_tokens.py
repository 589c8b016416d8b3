import hashlib
import json

import pytest

from provenance.errors import AccessError, InputError, InvalidDocument, NotFoundError
from provenance.ledger import tokens
from provenance.ledger.tokens import Tokens


@pytest.fixture
def kept(tmp_path):
    return Tokens(tmp_path, clock=lambda: 1_800_000_000.5)


def test_a_token_is_stored_only_as_its_hash(kept, tmp_path):
    secret, token = kept.add("bank", ("transfer",))
    stored = (tmp_path / "tokens.json").read_text()
    assert secret not in stored
    assert hashlib.sha256(secret.encode()).hexdigest() in stored
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert token.to_json() == {
        "token_id": hashlib.sha256(secret.encode()).hexdigest()[:16],
        "name": "bank",
        "scopes": ["transfer"],
        "created_at": 1_800_000_000,
    }


def test_a_token_opens_what_it_may(kept):
    secret, token = kept.add("bank", ("transfer",))
    assert kept.check(secret, "transfer") == token
    with pytest.raises(AccessError, match="scope register"):
        kept.check(secret, "register")


@pytest.mark.parametrize("secret", ["", "plt_", "\udcff", "plt_" + "A" * 43])
def test_other_secrets_are_refused(kept, secret):
    kept.add("bank")
    with pytest.raises(AccessError, match="valid bearer token"):
        kept.check(secret, "register")


def test_a_revoked_token_is_refused_by_others_at_once(kept, tmp_path):
    secret, token = kept.add("bank")
    other = Tokens(tmp_path)
    assert other.check(secret, "register") == token
    assert kept.revoke(token.token_id) == token
    with pytest.raises(AccessError):
        other.check(secret, "register")
    with pytest.raises(NotFoundError):
        kept.revoke(token.token_id)


def test_tokens_are_listed_without_secrets(kept):
    made = [kept.add("bank")[1], kept.add("mill", ("verify", "verify"))[1]]
    assert sorted(kept.list(), key=lambda t: t.party) == made
    assert made[1].scopes == ("verify",)


@pytest.mark.parametrize("scopes", [(), ("root",)])
def test_unknown_scopes_are_refused(kept, scopes):
    with pytest.raises(InputError, match="scopes"):
        kept.add("bank", scopes)


def test_broken_tokens_are_refused_not_forgotten(kept, tmp_path):
    for broken in ("{", "[]", json.dumps({"aa": {}}), json.dumps({"aa": 1})):
        (tmp_path / "tokens.json").write_text(broken)
        with pytest.raises(InvalidDocument):
            kept.list()


def test_a_token_is_for_a_party_of_this_home(settings):
    assert tokens.add_for(settings, "bank", tokens.DEFAULT_SCOPES)[1].party == "bank"
    with pytest.raises(NotFoundError):
        tokens.add_for(settings, "nobody", tokens.DEFAULT_SCOPES)
