def contest(type_, folder):
    """Register the content of dataset 1 again, as bank; return the dataset and the hold on it."""
    words = ("datasets", "register", folder, "--title", "Again", "--as", "bank", "--json")
    made = type_(*words).json
    return made["dataset_id"], made["contested"]["hold_id"]


def test_the_holder_of_the_earlier_claim_concedes(home, folder, type_):
    later, hold_id = contest(type_, folder)
    type_("contests", "concede", hold_id, "--as", "bank", code=1)
    assert "open" in type_("contests", "list", later).out
    made = type_("contests", "concede", hold_id, "--json").json
    assert (made["outcome"], made["earlier_id"], made["later_id"]) == ("conceded", 1, later)
    (listed,) = type_("contests", "list", 1, "--json").json["items"]
    assert (listed["outcome"], listed["ended_by"]) == ("conceded", 3)
    type_("titles", "transfer", later, "--to", "founder", "--as", "bank")


def test_an_arbiter_decides_with_evidence(home, folder, type_):
    later, hold_id = contest(type_, folder)
    words = ("contests", "decide", hold_id, "--evidence", "award 12", "--for")
    assert "NotAuthorised" in type_(*words, "later", code=1).err
    assert "earlier, later" in type_(*words, "both", "--as", "regulator", code=2).err
    type_(*words[:4], " ", "--for", "later", "--as", "regulator", code=2)
    made = type_(*words, "later", "--as", "regulator", "--json").json
    assert (made["outcome"], made["ended_by"]) == ("for_later", 2)
    assert "HoldActive" in type_("titles", "accept", 1, "--as", "bank", code=1).err
    type_("titles", "transfer", later, "--to", "founder", "--as", "bank")
    assert "BadStatus" in type_(*words, "later", "--as", "regulator", code=1).err


def test_a_contested_registration_says_how_to_end_it(home, folder, type_):
    words = ("datasets", "register", folder, "--title", "Again", "--as", "bank")
    assert "provenance contests" in type_(*words).err


def test_a_dataset_that_is_not_there_has_no_list_of_contests(home, type_):
    assert "no dataset 9999" in type_("contests", "list", 9999, code=2).err
