"""The graph of pipelines in PostgreSQL: every test of it, on a real server."""

import importlib.util
from pathlib import Path

import pytest

from provenance.index import database, pipelines

TESTS = Path(__file__).resolve().parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(Path(name).name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


postgres = load("postgres")
NAMES = (
    *("test_pipelines", "test_pipeline_times", "test_pipeline_aliases", "test_run_graph"),
    "test_pipeline_renamings",
)
LOADED = [load(f"unit/index/{name}") for name in NAMES]


@pytest.fixture(scope="module")
def spare():
    """Engines over empty databases that nobody uses; to make a database takes half a second."""
    made = []
    with postgres.serving() as server:

        def take():
            if not made:
                made.append(database.connect(server.database()))
            return made.pop()

        yield take, made
        for engine in made:
            engine.dispose()


@pytest.fixture(autouse=True)
def engines(spare, monkeypatch):
    """Every graph of the test is in a database of its own."""
    take, made = spare
    taken = []

    def new_engine():
        taken.append(take())
        return taken[-1]

    for module in LOADED:
        monkeypatch.setattr(module.scenes, "new_engine", new_engine)
    yield
    assert {engine.dialect.name for engine in taken} == {"postgresql"}
    for engine in taken:
        with database.writing(engine) as connection:
            pipelines.clear(connection)
        made.append(engine)


graph = LOADED[0].graph
for _module in LOADED:
    _tests = {name: value for name, value in vars(_module).items() if name.startswith("test_")}
    assert not set(_tests) & set(globals())
    globals().update(_tests)
