"""Paths below the data root: what is data there, and what is not."""

import pytest

from api.requests import Content
from api.uploads import Given, manifest_of
from provenance.config import Settings
from provenance.errors import InvalidPath


@pytest.fixture
def root(tmp_path):
    for folder in ("home/keys", "data", "all/data"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text(folder)
    (tmp_path / "all" / "home").symlink_to(tmp_path / "home")
    return tmp_path


@pytest.mark.parametrize("path", ["home", "home/keys", "home/keys/file"])
def test_the_home_is_no_data(root, path):
    settings = Settings(home=root / "all" / "home", data_root=root)
    with pytest.raises(InvalidPath, match="home of the service"):
        manifest_of(settings, Given(Content(path=path)))
    assert manifest_of(settings, Given(Content(path="data"))).count == 1


def test_no_folder_around_the_home_is_data(root):
    settings = Settings(home=root / "home" / "keys", data_root=root)
    with pytest.raises(InvalidPath, match="home of the service"):
        manifest_of(settings, Given(Content(path="home")))


def test_a_data_root_in_the_home_is_meant(root):
    settings = Settings(home=root / "all", data_root=root / "all" / "data")
    assert manifest_of(settings, Given(Content(path="file"))).count == 1
