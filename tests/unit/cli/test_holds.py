def test_a_hold_is_placed_listed_and_lifted(home, type_):
    words = ("dataset:1", "--kind", "freeze", "--scope", "title", "--scope", "use")
    case = ("--case", "leak", "--until", "90d")
    type_("holds", "place", *words, *case, code=1)  # the founder is no supervisor
    type_("holds", "place", "dataset:1", "--kind", "pledge", *words[3:], *case, code=2)
    type_("holds", "place", "ledger:1", *words[1:], *case, code=2)
    made = type_("holds", "place", *words, *case, "--as", "regulator", "--json").json
    assert (made["change"], made["subject"]) == ("placed", "dataset:1")
    refused = type_("titles", "accept", 1, "--as", "bank", code=1)
    assert "HoldActive" in refused.err
    assert "use, title" in type_("holds", "list", "dataset:1").out
    type_("holds", "lift", made["hold_id"], "--reason", "over", code=1)
    type_("holds", "lift", made["hold_id"], "--reason", " ", "--as", "regulator", code=2)
    type_("holds", "lift", made["hold_id"], "--reason", "over", "--as", "regulator")
    (listed,) = type_("holds", "list", "dataset:1", "--json").json["items"]
    assert (listed["status"], listed["kind"]) == ("lifted", "freeze")
    type_("titles", "accept", 1, "--as", "bank")


def test_a_hold_on_either_party_stops_a_transfer(home, type_):
    words = ("--kind", "freeze", "--case", "leak", "--as", "regulator", "--json")
    for party in ("party:3", "party:4"):
        made = type_("holds", "place", party, "--scope", "title", *words).json
        assert made["subject"] == party
        assert "HoldActive" in type_("titles", "accept", 1, "--as", "bank", code=1).err
        again = ("titles", "transfer", 1, "--to", "bank", "--right", "use", "--units", 1)
        assert "HoldActive" in type_(*again, "--as", "founder", code=1).err
        type_("holds", "lift", made["hold_id"], "--reason", "over", "--as", "regulator")
    type_("holds", "place", "party:4", "--scope", "use", *words)
    type_("titles", "accept", 1, "--as", "bank")


def test_what_is_not_there_cannot_be_held(home, type_):
    words = ("--kind", "freeze", "--scope", "use", "--case", "leak", "--as", "regulator")
    for subject in ("party:9999", "dataset:9999", "grant:9999"):
        missing = f"no {subject.replace(':', ' ')}"
        assert missing in type_("holds", "place", subject, *words, code=2).err
        assert missing in type_("holds", "list", subject, code=2).err
