def test_a_party_is_suspended_and_restored(home, type_):
    words = ("parties", "suspend", "bank", "--reason", "licence expired")
    assert "NotRoleAdmin" in type_(*words, "--as", "bank", code=1).err
    type_(*words[:4], " ", code=2)
    made = type_(*words, "--json").json
    assert (made["party_id"], made["change"]) == (4, "suspended")
    assert "suspended" in type_("parties", "list").out
    assert "PartyInactive" in type_("titles", "accept", 1, "--as", "bank", code=1).err
    assert "BadStatus" in type_(*words, "--as", "regulator", code=1).err
    words = ("parties", "restore", "party:4", "--reason", "renewed")
    assert "NotRoleAdmin" in type_(*words, "--as", "founder", code=1).err
    assert type_(*words, "--as", "regulator", "--json").json["change"] == "restored"
    type_("titles", "accept", 1, "--as", "bank")
    type_("parties", "suspend", "party:9", "--reason", "none", code=2)


def test_roles_of_two_offices_are_given_in_turn(home, type_):
    add = ("parties", "add", "vault", "--country", "CN", "--roles")
    assert "parties set-roles" in type_(*add, "custodian,arbiter", code=2).err
    type_(*add, "custodian")
    roles = ("parties", "set-roles", "vault")
    assert "NotRoleAdmin" in type_(*roles, "--add", "arbiter", "--as", "exchange", code=1).err
    made = type_(*roles, "--add", "arbiter", "--json").json
    assert (made["change"], made["roles"]) == ("roles_set", ["custodian", "arbiter"])
    assert "one office" in type_(*roles, "--remove", "custodian,arbiter", code=2).err
    assert "none that changes" in type_(*roles, "--add", "arbiter", code=2).err
    assert "each role once" in type_(*roles, "--add", "venue", "--remove", "venue", code=2).err
    type_(*roles, "--remove", "arbiter")
    assert type_(*roles, "--remove", "custodian", "--json").json["roles"] == []
    # the office that admitted it has the say over it, whatever roles it has now
    assert type_("parties", "suspend", "vault", "--reason", "over", "--json").json["party_id"] == 5


def test_an_office_gains_nothing_by_giving_a_role(home, type_):
    type_("parties", "set-roles", "regulator", "--add", "auditor", "--as", "exchange")
    words = ("parties", "suspend", "regulator", "--reason", "coup", "--as", "exchange")
    assert "NotRoleAdmin" in type_(*words, code=1).err


def test_what_a_regulator_suspended_the_market_does_not_restore(home, type_):
    type_("parties", "suspend", "bank", "--reason", "fraud", "--as", "regulator")
    words = ("parties", "restore", "bank", "--reason", "business")
    assert "NotAuthorised" in type_(*words, "--as", "exchange", code=1).err
    assert type_(*words, "--json").json["change"] == "restored"


def test_a_delegate_is_named_and_withdrawn(home, type_):
    words = ("parties", "delegate", "bank")
    for wrong in ((), ("--acts", "use"), ("--withdraw", "--acts", "use"), ("--until", "1d")):
        type_(*words, *wrong, code=2)
    type_(*words, "--acts", "rule", "--until", "90d", code=2)
    type_(*words, "--acts", ",", "--until", "90d", code=2)
    type_("parties", "delegate", "founder", "--acts", "use", "--until", "90d", code=1)
    given = ("--acts", "derive,transfer", "--roles", "supplier", "--dataset", 1)
    made = type_(*words, *given, "--until", "90d", "--json").json
    assert (made["party_id"], made["delegate_id"], made["dataset_id"]) == (3, 4, 1)
    assert (made["acts"], made["roles"]) == (["transfer", "derive"], ["supplier"])
    (listed,) = type_("parties", "delegations", "--of", "founder", "--json").json["items"]
    assert {name: made[name] for name in listed if name in made} == {
        name: listed[name] for name in listed if name != "since_block"
    }
    assert type_("parties", "delegations", "--of", "bank", "--json").json["items"] == []
    assert "transfer,derive" in type_("parties", "delegations", "--to", "bank").out
    ended = type_(*words, "--withdraw", "--dataset", 1, "--json").json
    assert (ended["acts"], ended["until"]) == ([], None)
