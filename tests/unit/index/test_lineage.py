"""Activities and the graph as the index has them, against the model that made the events."""

import networkx
import pytest

from provenance.errors import IndexBehind, InputError, NotFoundError, TooLarge
from provenance.index import (
    activities,
    blocks,
    completeness,
    database,
    derivations,
    grants,
    impact,
    lineage,
    paths,
    snapshots,
)
from provenance.index.derivations import Bounds
from provenance.index.sync import sync
from provenance.lineage.records import ActivityKind, VersionRef
from provenance.policy.evaluation import inactivity
from provenance.policy.grants import Inactive

WHOLE = Bounds(depth=1000, versions=100_000)


@pytest.fixture
def busy(node):
    """A chain of 160 blocks, long enough for deep lineage."""
    for _ in range(120):
        node.mine()
    return node


@pytest.fixture
def connection(busy, engine, client, deployment):
    sync(engine, client, deployment)
    with database.reading(engine) as opened:
        yield opened


def graph_of(model):
    """Return the graph that stands, from derived to source."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(model.order)
    graph.add_edges_from((output, source) for _, source, output, _ in model.standing() if output)
    return graph


def graph_of_all(model):
    """Return the graph of all that was ever said, from derived to source."""
    graph = graph_of(model)
    graph.add_edges_from(
        (found["output"], source)
        for found in model.activities.values()
        for source, _ in found["inputs"]
        if found["output"]
    )
    return graph


def ref(node):
    return VersionRef(*node)


def all_of(connection, start, direction, limit=7, **named):
    found, after = [], None
    while True:
        page = derivations.relatives(
            connection, ref(start), direction, WHOLE, after=after, limit=limit, **named
        )
        found += page.items
        if page.next is None:
            return found, page.whole
        after = page.next


def test_activities_are_those_of_the_model(busy, connection):
    model = busy.world.lineage
    assert len(model.activities) > 20
    seen = activities.list_page(connection, limit=1000).items
    assert [item.activity.activity_id for item in seen] == sorted(model.activities)
    for item in seen:
        expected, found = model.activities[item.activity.activity_id], item.activity
        assert (found.kind, found.party_id) == (expected["kind"], expected["party"])
        assert found.agent_id == expected["agent"]
        assert found.superseded_by == expected["by"]
        output = found.output and (found.output.dataset_id, found.output.version)
        assert output == expected["output"]
        used = [((i.source.dataset_id, i.source.version), i.grant_id) for i in found.inputs]
        assert used == expected["inputs"]
        assert activities.get(connection, found.activity_id) == item
        shown = item.as_json()
        assert len(shown["purpose"]) == 2
        assert shown["country"] == "CN"
    assert activities.of_ids(connection, [2, 1, 10**6]) == seen[:2]


def test_activities_are_found_by_party_and_by_version(busy, connection):
    model = busy.world.lineage
    for party_id in busy.world.parties:
        mine = [key for key, found in model.activities.items() if found["party"] == party_id]
        page = activities.list_page(connection, party_id=party_id, limit=1000)
        assert [item.activity.activity_id for item in page.items] == mine
    for version in model.order:
        around = [
            key
            for key, found in model.activities.items()
            if found["output"] == version or version in [used for used, _ in found["inputs"]]
        ]
        found, after = [], 0
        while after is not None:
            page = activities.list_page(connection, version=ref(version), after=after, limit=2)
            found += [item.activity.activity_id for item in page.items]
            after = page.next
        assert found == around


@pytest.mark.parametrize("direction", ["ancestors", "descendants"])
def test_relatives_are_those_of_networkx(busy, connection, direction):
    graph = graph_of(busy.world.lineage)
    if direction == "descendants":
        graph = graph.reverse()
    deep = 0
    for start in graph:
        expected = networkx.single_source_shortest_path_length(graph, start)
        found, whole = all_of(connection, start, direction)
        assert {(i.version.dataset_id, i.version.version): i.distance for i in found} == {
            node: distance for node, distance in expected.items() if distance
        }
        assert [i.distance for i in found] == sorted(i.distance for i in found)
        assert whole["versions"] == len(found)
        assert not whole["truncated"]
        inner = sum(1 for near, _ in graph.edges if near in expected)
        ways = [way for item in found for way in item.through]
        assert whole["derivations"] == len(ways)
        assert len(ways) >= inner
        deep = max(deep, *expected.values())
    assert deep > 2


def test_relatives_say_what_made_them(busy, connection):
    model = busy.world.lineage
    for start in model.order:
        for item in all_of(connection, start, "ancestors", limit=1000)[0]:
            here = (item.version.dataset_id, item.version.version)
            made = model.made_by.get(here)
            assert item.activity_id == made
            kind = ActivityKind(model.activities[made]["kind"]).name.lower() if made else None
            assert item.kind == kind
            withdrawn = busy.world.datasets[here[0]]["withdrawn"]
            assert item.withdrawn == (here[1] in withdrawn)
            assert item.root is not None
            for way in item.through:
                used = dict(model.activities[way.activity_id]["inputs"])
                assert used[here] == way.grant_id


def test_a_walk_keeps_to_its_bounds(busy, connection):
    graph = graph_of(busy.world.lineage)
    start = max(graph, key=lambda node: len(networkx.descendants(graph, node)))
    page = derivations.relatives(connection, ref(start), "ancestors", Bounds(depth=1))
    assert {item.distance for item in page.items} == {1}
    assert page.whole["stopped_by"] == "depth"
    page = derivations.relatives(connection, ref(start), "ancestors", Bounds(versions=3))
    assert len(page.items) == 2
    assert page.whole["stopped_by"] == "versions"
    for wrong, error in [((0, 1), InputError), ((1, 0), InputError), ((1001, 1), TooLarge)]:
        with pytest.raises(error):
            Bounds(*wrong)
    with pytest.raises(TooLarge):
        derivations.relatives(connection, ref(start), "ancestors", limit=1001)


def test_paths_are_all_paths(busy, connection):
    graph = graph_of(busy.world.lineage)
    most = 0
    for derived in graph:
        for source in networkx.descendants(graph, derived):
            expected = [
                [graph_step(path[i + 1], path[i]) for i in range(len(path) - 1)]
                for path in networkx.all_simple_paths(graph, derived, source)
            ]
            found = paths.between(connection, ref(source), ref(derived), WHOLE, limit=1000)
            shown = found.as_json()
            steps = [[(s["source"], s["derived"]) for s in path] for path in shown["paths"]]
            # two activities never stand for one version, so a pair of versions is one derivation
            assert sorted(steps, key=str) == sorted(expected, key=str)
            assert shown["count"] == str(len(expected))
            most = max(most, len(expected))
            part = paths.between(connection, ref(source), ref(derived), WHOLE, limit=1)
            assert part.next == (1 if len(expected) > 1 else None)
    assert most > 1


def graph_step(source, derived):
    return tuple({"dataset_id": it[0], "version": it[1]} for it in (source, derived))


def test_no_path_is_no_path(busy, connection):
    graph = graph_of(busy.world.lineage)
    lone, other = [node for node in graph if not graph.out_degree(node)][:2]
    found = paths.between(connection, ref(lone), ref(other))
    assert (found.count, found.paths, found.links, found.next) == (0, [], [], None)


def test_completeness_ends_in_collections(busy, connection):
    model = busy.world.lineage
    graph = graph_of(model)
    collected = {
        found["output"]
        for found in model.activities.values()
        if found["kind"] == 1 and found["by"] is None
    }
    whole, answers, late = graph_of_all(model), set(), set()
    for start in graph:
        reached = networkx.descendants(whole, start) | {start}
        ends = {node for node in reached if not graph.out_degree(node)}
        found = completeness.of_version(connection, ref(start))
        shown = found.as_json()
        origins = {(item["dataset_id"], item["version"]) for item in shown["origins"]}
        gaps = {(item["dataset_id"], item["version"]): item["lack"] for item in shown["gaps"]}
        assert origins == ends & collected
        assert set(gaps) == ends - collected
        assert found.complete == (not gaps)
        assert set(gaps.values()) <= {"collect_missing"}  # all datasets of the model are raw
        answers.add(found.complete)
        standing = networkx.descendants(graph, start) | {start}
        for item in (*shown["origins"], *shown["gaps"]):
            assert item["superseded"] == ((item["dataset_id"], item["version"]) not in standing)
            late.add(item["superseded"])
    assert answers == late == {True, False}


def test_completeness_says_when_it_did_not_look_everywhere(busy, connection):
    graph = graph_of(busy.world.lineage)
    start = max(graph, key=lambda node: len(networkx.descendants(graph, node)))
    found = completeness.of_version(connection, ref(start), Bounds(depth=1))
    assert found.truncated
    assert not found.complete


def test_impact_names_versions_and_the_grants_that_live(busy, connection):
    standing = graph_of(busy.world.lineage).reverse()
    graph = graph_of_all(busy.world.lineage).reverse()
    model = busy.world.lineage
    issued = grants.list_page(connection, limit=1000).items
    now_s = max(
        grant.not_before
        for grant in issued
        if usable(connection, [grant], grant.not_before) and touches(graph, grant)
    )
    seen, late = 0, 0
    for start in graph:
        found, after = [], None
        while True:
            page = impact.of_version(connection, ref(start), now_s, WHOLE, after=after, limit=2)
            found += page.items
            if page.next is None:
                break
            after = page.next
        reached = networkx.single_source_shortest_path_length(graph, start)
        assert {
            (i.relative.version.dataset_id, i.relative.version.version): i.relative.distance
            for i in found
        } == dict(reached)
        stands = networkx.descendants(standing, start) | {start}
        for item in found:
            here = item.relative.version
            assert item.relative.superseded == ((here.dataset_id, here.version) not in stands)
            late += item.relative.superseded
            for way in item.relative.through:
                assert way.superseded == (model.activities[way.activity_id]["by"] is not None)
        live = {}
        for item in found:
            for grant in item.grants:
                live.setdefault(item.relative.version.dataset_id, []).append(grant.grant.grant_id)
        expected = {}
        for dataset_id in {node[0] for node in reached}:
            here = grants.of_dataset(connection, dataset_id, limit=1000).items
            if ids := usable(connection, here, now_s):
                expected[dataset_id] = ids
        assert live == expected
        seen += len(live)
        assert page.whole["datasets"] == len({node[0] for node in reached})
        assert all(item.as_json()["more_grants"] is False for item in found)
    assert seen
    assert late


def usable(connection, found, now_s):
    snapshot = snapshots.of_grants(connection, found)
    ids = [grant.grant_id for grant in found]
    return [one for one in ids if inactivity(snapshot, one, now_s) is Inactive.NONE]


def touches(graph, grant):
    return any(dataset_id == grant.dataset_id for dataset_id, _ in graph)


def test_ceilings_are_those_of_the_model(busy, connection):
    model = busy.world.lineage
    assert model.ceilings
    for dataset_id in busy.world.datasets:
        found = lineage.ceiling(connection, dataset_id)
        expected = model.ceilings.get(dataset_id)
        assert (found and (found.policy_id, found.home_taint)) == expected
        assert found is None or found.as_json()["policy_id"] == expected[0]


def test_the_past_is_answered_as_it_was(busy, engine, client, deployment):
    past = {}
    for number in (60, 110):
        sync(engine, client, deployment, number)
        with database.reading(engine) as connection:
            past[number] = answers(connection)
    sync(engine, client, deployment)
    with database.reading(engine) as connection:
        for number, expected in past.items():
            assert answers(connection, number) == expected
        assert answers(connection) != past[110]


def answers(connection, as_of=None):
    """Return all there is to ask, as of a block."""
    listed = activities.list_page(connection, limit=1000, as_of=as_of).items
    made = [item.activity.output for item in listed if item.activity.output]
    starts = sorted({source.source for item in listed for source in item.activity.inputs} | {*made})
    then = blocks.at(connection, as_of).timestamp
    return [
        [item.as_json() for item in listed],
        [
            (
                derivations.relatives(connection, it, "ancestors", limit=1000, as_of=as_of).items,
                derivations.relatives(connection, it, "descendants", limit=1000, as_of=as_of).items,
                completeness.of_version(connection, it, as_of=as_of),
                impact.of_version(connection, it, then, limit=1000, as_of=as_of).items,
                lineage.ceiling(connection, it.dataset_id, as_of=as_of),
            )
            for it in starts
        ],
    ]


def test_what_is_not_there_is_not_found(connection):
    nothing = VersionRef(10**6, 1)
    for ask in (
        lambda: activities.get(connection, 10**6),
        lambda: derivations.relatives(connection, nothing, "ancestors"),
        lambda: paths.between(connection, nothing, nothing),
        lambda: completeness.of_version(connection, nothing),
        lambda: impact.of_version(connection, nothing, 0),
    ):
        with pytest.raises(NotFoundError):
            ask()
    with pytest.raises(IndexBehind):
        activities.get(connection, 1, as_of=10**6)
