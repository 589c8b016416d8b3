"""Walks and paths against networkx, on random graphs; and what they refuse."""

from collections import deque

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import IndexDrift
from provenance.lineage.graph import Link, Paths, walk

START = 12


@st.composite
def graphs(draw):
    """Graphs whose links lead to smaller numbers, as derivations lead to older versions."""
    pairs = st.tuples(st.integers(1, START), st.integers(0, START - 1))
    found = draw(st.sets(pairs.filter(lambda pair: pair[0] > pair[1]), max_size=60))
    found |= {(START, far) for far in draw(st.sets(st.integers(0, START - 1), max_size=4))}
    graph = networkx.DiGraph(sorted(found))
    graph.add_node(START)
    return graph


def links(graph, start):
    """Yield what a breadth-first search meets, as an index gives it."""
    seen, waiting = {start}, deque([start])
    while waiting:
        near = waiting.popleft()
        for far in graph.successors(near):
            yield Link(near, far, near * 1000 + far, None)
            if far not in seen:
                seen.add(far)
                waiting.append(far)


@given(graphs(), st.integers(1, 8))
def test_a_walk_finds_what_networkx_finds(graph, depth):
    found = walk(START, links(graph, START), depth=depth, most=1000)
    expected = networkx.single_source_shortest_path_length(graph, START, cutoff=depth)
    assert dict(found.distances) == dict(expected)
    beyond = set(networkx.descendants(graph, START)) - set(expected)
    assert (found.stopped == "depth") == bool(beyond)
    inner = [(u, v) for u, v in graph.edges if expected.get(u, depth) < depth]
    assert sorted((link.near, link.far) for link in found.links) == sorted(inner)
    through = found.through()
    assert sum(map(len, through.values())) == len(found.links)
    assert all(link.far == version for version, found in through.items() for link in found)


@given(graphs(), st.integers(1, 10))
def test_a_walk_visits_no_more_than_it_may(graph, most):
    found = walk(START, links(graph, START), depth=1000, most=most)
    whole = 1 + len(networkx.descendants(graph, START))
    assert len(found.distances) == min(most, whole)
    assert (found.stopped == "versions") == (whole > most)
    lengths = networkx.single_source_shortest_path_length(graph, START)
    assert all(lengths[version] == distance for version, distance in found.distances.items())


@given(graphs())
def test_ends_have_no_source(graph):
    found = walk(START, links(graph, START), depth=1000, most=1000)
    reached = networkx.descendants(graph, START) | {START}
    assert set(found.ends()) == {version for version in reached if not graph.out_degree(version)}


@given(graphs(), st.integers(0, START - 1), st.integers(0, 5))
def test_paths_are_those_of_networkx(graph, end, after):
    graph.add_node(end)
    found = Paths(walk(START, links(graph, START), depth=1000, most=1000), end)
    count = _count(graph, START, end, {})
    assert found.count == count
    listed = list(found.listed(after, 30))
    assert len(listed) == max(0, min(30, count - after))
    steps = [(*(link.near for link in path), path[-1].far) for path in listed]
    assert len(set(steps)) == len(steps)
    assert all(networkx.is_path(graph, path) and path[-1] == end for path in steps)
    if count:
        between = (networkx.descendants(graph, START) | {START}) & (
            networkx.ancestors(graph, end) | {end}
        )
        inner = {(u, v) for u, v in graph.edges if u in between and v in between}
        assert {(link.near, link.far) for link in found.links} == inner


def _count(graph, start, end, known):
    if start == end:
        return 1
    if start not in known:
        known[start] = sum(_count(graph, far, end, known) for far in graph.successors(start))
    return known[start]


def test_many_paths_are_counted_and_not_walked():
    graph = networkx.DiGraph()
    for level in range(200):  # a ladder of diamonds: 2^200 paths
        top = 3 * level
        graph.add_edges_from(
            [(top, top + 1), (top, top + 2), (top + 1, top + 3), (top + 2, top + 3)]
        )
    found = Paths(walk(0, links(graph, 0), depth=1000, most=1000), 600)
    assert found.count == 2**200
    (last,) = found.listed(2**200 - 1, 10)
    assert [link.far for link in last][:2] == [2, 3]


def test_a_link_beyond_the_depth_to_what_is_known_hides_nothing():
    found = walk(
        0, [Link(0, 1, 1, None), Link(0, 2, 1, None), Link(1, 2, 2, None)], depth=1, most=9
    )
    assert (found.stopped, len(found.links), dict(found.distances)) == (None, 2, {0: 0, 1: 1, 2: 1})


def test_a_version_that_waits_twice_is_counted_once():
    found = [Link(0, 1, 1, None), Link(0, 2, 1, None), Link(1, 9, 2, None), Link(2, 1, 3, None)]
    between = Paths(walk(0, found, depth=9, most=9), 9)
    listed = [[link.far for link in path] for path in between.listed(0, 9)]
    assert listed == [[1, 9], [2, 1, 9]]
    nothing = Paths(walk(0, found, depth=9, most=9), 7)
    assert (nothing.count, nothing.links) == (0, [])


def test_a_deep_chain_is_no_recursion():
    found = walk(0, (Link(n, n + 1, n, None) for n in range(50_000)), depth=10**6, most=10**6)
    assert Paths(found, 50_000).count == 1


@pytest.mark.parametrize(
    "given_links",
    [
        [Link(7, 8, 1, None)],
        [Link(0, 1, 1, None), Link(1, 2, 1, None), Link(0, 3, 1, None)],
    ],
)
def test_links_in_another_order_are_refused(given_links):
    with pytest.raises(IndexDrift, match="nearest first"):
        walk(0, given_links, depth=9, most=9)


def test_a_version_is_never_derived_from_itself():
    circle = [Link(0, 1, 1, None), Link(1, 0, 2, None), Link(1, 2, 3, None)]
    with pytest.raises(IndexDrift, match="derived from itself"):
        Paths(walk(0, circle, depth=9, most=9), 2)


def test_what_was_corrected_leads_on_but_does_not_stand():
    met = [
        Link(4, 3, 2, None, superseded=True),
        Link(4, 2, 3, None),
        Link(4, 1, 3, None),
        Link(3, 1, 1, None),
        Link(2, 1, 4, None),
        Link(2, 0, 4, None),
        Link(1, 0, 5, None, superseded=True),
    ]
    found = walk(4, iter(met), depth=1000, most=1000)
    assert list(found.distances) == [4, 3, 2, 1, 0]
    assert found.standing() == {4, 2, 1, 0}
    assert found.ends() == [1, 0]
