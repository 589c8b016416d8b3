from pathlib import Path

import pytest

from provenance.config import Settings, in_home, load_settings
from provenance.errors import SettingsError


def test_defaults():
    settings = load_settings({})
    assert settings == Settings()
    assert settings.home == Path(".provenance")
    assert settings.is_embedded
    assert settings.password_path == Path(".provenance/password")


def test_the_environment_wins_over_the_file(tmp_path):
    (tmp_path / "config.toml").write_text('port = 9000\nhost = "0.0.0.0"\n')
    found = load_settings({"PROVENANCE_HOME": str(tmp_path), "PROVENANCE_PORT": "9001"})
    assert (found.port, found.host, found.home) == (9001, "0.0.0.0", tmp_path)


def test_the_file_of_a_home_fills_what_settings_leave_open(tmp_path):
    (tmp_path / "config.toml").write_text('port = 9000\nhost = "::1"\npassword_file = "p"\n')
    found = in_home(Settings(port=9001), tmp_path)
    assert found == Settings(tmp_path, port=9001, host="::1", password_file=Path("p"))
    assert in_home(Settings(port=9001), tmp_path / "none") == Settings(tmp_path / "none", port=9001)
    (tmp_path / "config.toml").write_text("home = 'x'\n")
    with pytest.raises(SettingsError):
        in_home(Settings(), tmp_path)


def test_paths_are_paths(tmp_path):
    found = load_settings(
        {"PROVENANCE_PASSWORD_FILE": "/run/secret", "PROVENANCE_DATA_ROOT": "/data"}
    )
    assert (found.password_path, found.data_root) == (Path("/run/secret"), Path("/data"))


def test_secrets_and_other_programs_are_left_alone():
    assert load_settings({"PROVENANCE_PASSWORD": "x", "PROVENANCE_TOKEN": "y", "PATH": "/"})


def test_an_empty_variable_is_none():
    assert load_settings({"PROVENANCE_PORT": ""}).port == 8000


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PROVENANCE_PROT": "1"}, "unknown setting PROVENANCE_PROT"),
        ({"PROVENANCE_PORT": "many"}, "port as an integer"),
        ({"PROVENANCE_PORT": "70000"}, "up to 65535"),
        ({"PROVENANCE_PAGE_ITEMS": "0"}, "above 0"),
        ({"PROVENANCE_CHAIN": "ftp://x"}, "http"),
        ({"PROVENANCE_CONFIRMATIONS_FINALIZED": "3"}, "at least 12"),
    ],
)
def test_wrong_settings_are_refused(variables, message):
    with pytest.raises(SettingsError, match=message):
        load_settings(variables)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "unknown setting 'prot'"),
        ('home = "/x"', "unknown setting 'home'"),
        ("port = [1]", "above 0"),
        ("host = 1", "host as text"),
        ("port =", "cannot read"),
    ],
)
def test_wrong_files_are_refused(tmp_path, text, message):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_settings({"PROVENANCE_HOME": str(tmp_path)})


def test_a_node_is_named_by_url():
    assert not Settings(chain="https://node.example/key").is_embedded
