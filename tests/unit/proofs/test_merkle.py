import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content.entry import Header, ManifestEntry
from provenance.content.manifest import build_from_entries, build_from_stream, parse
from provenance.content.tree import TreeHasher
from provenance.errors import InvalidManifest, InvalidProof, NotFoundError, RootMismatch
from provenance.proofs import merkle
from provenance.proofs.absence import AbsenceProof, check_absence, check_disorder
from provenance.proofs.merkle import (
    InclusionProof,
    Tree,
    audit_paths,
    entry_of_line,
    inclusion,
    leaf_hash,
    path_of_line,
    prove,
    root_from_path,
    verify_inclusion,
)

LEAVES = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


def manifest(count, private=False):
    salt = bytes(16) if private else None
    digest = {"sha256": hashlib.sha256(b"").digest()}
    return build_from_entries(
        Header(private=private), [ManifestEntry(f"f{n:03}", n, digest, salt) for n in range(count)]
    )


def test_trees_and_paths_equal_the_vectors(vectors):
    for case in vectors("trees")["cases"]:
        leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in case["leaves"]]
        tree = Tree(leaves)
        assert len(tree) == len(leaves)
        assert tree.root().hex() == case["tree_hash"]
        for index, path in enumerate(case["paths"]):
            assert [node.hex() for node in tree.path(index)] == path


@given(LEAVES, st.data())
def test_all_ways_agree(reference, leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    tree, hasher = Tree(hashes), TreeHasher()
    for leaf in hashes:
        hasher.add(leaf)
    path = tree.path(index)
    expected = reference.tree_hash(leaves)
    assert tree.root() == hasher.root() == expected
    assert list(path) == reference.audit_path(index, leaves)
    assert root_from_path(hashes[index], index, len(leaves), path) == expected


@given(
    st.integers(0, 20),
    st.integers(1, 20),
    st.lists(st.binary(min_size=32, max_size=32), max_size=6),
)
def test_any_path_leads_where_the_reference_leads(reference, index, count, path):
    leaf = bytes(32)
    expected = reference.root_from_path(leaf, index, count, path) if index < count else None
    try:
        found = root_from_path(leaf, index, count, tuple(path))
    except InvalidProof:
        found = None
    assert found == expected


def test_the_tree_of_nothing():
    assert Tree([]).root() == hashlib.sha256().digest()
    with pytest.raises(IndexError, match="below 0"):
        Tree([]).path(0)


def test_leaf_hashes_have_32_bytes():
    with pytest.raises(ValueError, match="32 bytes, found 31"):
        Tree([bytes(31)])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_for_no_leaf(index):
    with pytest.raises(IndexError, match="below 3"):
        Tree([bytes(32)] * 3).path(index)


def test_good_vectors_verify(vectors):
    for fields in vectors("inclusions")["cases"]:
        proof = InclusionProof.from_json(fields)
        assert proof.to_json() == fields
        path = verify_inclusion(proof, bytes.fromhex(fields["root"]))
        assert path == f"file-{fields['index']}"


def test_hostile_vectors_do_not(vectors, hostile_inclusion):
    case = vectors(f"hostile/{hostile_inclusion}")
    root = bytes.fromhex(case["root"])
    with pytest.raises((InvalidProof, RootMismatch), match=r"expected"):
        verify_inclusion(InclusionProof.from_json(case["proof"]), root)


@pytest.mark.parametrize("private", [False, True])
def test_every_entry_can_be_proven(private):
    made = manifest(9, private)
    for entry in made.entries():
        proof = prove(made, entry.path)
        assert verify_inclusion(proof, made.root) == entry.path
        assert proof.entry == entry.line()


def test_a_path_that_is_not_there():
    with pytest.raises(NotFoundError, match="no path 'x'"):
        prove(manifest(3), "x")


def test_a_sealed_manifest_proves_nothing():
    sealed = parse(manifest(3, private=True).document)
    with pytest.raises(InvalidManifest, match="secret document"):
        prove(sealed, "f000")


@given(st.integers(0, 8), st.integers(0, 7), st.sampled_from(["path", "header_hash", "entry"]))
def test_a_flipped_bit_is_found_wherever_it_is(index, bit, where):
    made = manifest(9)
    proof = prove(made, f"f{index:03}")
    fields = proof.to_json()

    def flip(data):
        return bytes([data[0] ^ 1 << bit]) + data[1:]

    if where == "path":
        broken = [flip(proof.path[0]), *proof.path[1:]]
        changed = InclusionProof(
            proof.root, 9, proof.header_hash, index, proof.entry, tuple(broken)
        )
    elif where == "header_hash":
        changed = InclusionProof(
            proof.root, 9, flip(proof.header_hash), index, proof.entry, proof.path
        )
    else:
        changed = InclusionProof(
            proof.root, 9, proof.header_hash, index, flip(proof.entry), proof.path
        )
    assert fields == proof.to_json()
    with pytest.raises(RootMismatch):
        verify_inclusion(changed, made.root)


def test_lengths_are_looked_at_first():
    proof = prove(build_from_stream(io.BytesIO(b"x")), ".")
    short = InclusionProof(proof.root, 1, b"x", 0, proof.entry, ())
    with pytest.raises(InvalidProof, match="32 bytes of header hash, found 1"):
        verify_inclusion(short, proof.root)
    with pytest.raises(InvalidProof, match="another length"):
        root_from_path(b"x", 0, 1, ())


def test_an_entry_is_taken_in_one_form_alone(vectors):
    for case in vectors("entries")["cases"]:
        line = case["line"].encode()
        if case["is_entry"]:
            entry = entry_of_line(line)
            assert (entry.line(), entry.path) == (line, path_of_line(line))
        else:
            with pytest.raises(InvalidProof, match="expected an entry"):
                entry_of_line(line)


@pytest.mark.parametrize("line", [b"\xff", b"{}", b"[" * 9999])
def test_bytes_that_are_no_entry(line):
    with pytest.raises(InvalidProof, match="expected an entry"):
        entry_of_line(line)


def test_a_line_that_is_no_entry_is_proven_by_no_root(vectors, reference):
    header = Header().line()
    good = b'{"digests":{"sha256":"%s"},"path":"b","size":0}' % (b"00" * 32)
    for case in vectors("entries")["cases"]:
        lines = [case["line"].encode(), good]
        root = reference.version_root(header, lines)
        proofs = [
            InclusionProof(
                root,
                2,
                hashlib.sha256(header).digest(),
                index,
                line,
                tuple(reference.audit_path(index, lines)),
            )
            for index, line in enumerate(lines)
        ]
        assert verify_inclusion(proofs[1], root) == "b"
        absence = AbsenceProof("a.csv!", *proofs)
        if not case["is_entry"]:
            with pytest.raises(InvalidProof, match="expected an entry"):
                verify_inclusion(proofs[0], root)
            with pytest.raises(InvalidProof, match="expected an entry"):
                check_absence(absence, root)
            with pytest.raises(InvalidProof, match="expected an entry"):
                check_disorder(*proofs, root)


@pytest.mark.parametrize("fields", [None, [], "x", {}, {"format": 1}])
def test_a_proof_is_an_object(fields):
    with pytest.raises(InvalidProof, match="expected"):
        InclusionProof.from_json(fields)


@given(st.integers(1, 70), st.data())
def test_paths_without_a_tree_are_those_of_the_tree(count, data):
    leaves = [leaf_hash(bytes([number])) for number in range(count)]
    wanted = data.draw(st.sets(st.integers(0, count - 1), max_size=5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merkle, "_LEAVES_AT_ONCE", data.draw(st.sampled_from([1, 3, 8, 4096])))
        found = audit_paths(leaves, wanted)
    assert found == {index: Tree(leaves).path(index) for index in wanted}


def test_no_leaves_have_no_paths():
    assert audit_paths([], []) == {}


def test_a_path_that_no_file_can_have_is_not_found():
    entries = [ManifestEntry("?", 0, {"sha256": bytes(32)})]
    with pytest.raises(NotFoundError):
        prove(build_from_entries(Header(), entries), "\ud800")


@pytest.mark.parametrize("name", ['"', "\\", "\n", '","path":"a","size":0', "a,", "\u00e9"])
def test_names_that_look_like_json_are_found(name):
    entries = [
        ManifestEntry(path, 0, {"sha256": bytes(32)}) for path in (name, name + "x", "x" + name)
    ]
    built = build_from_entries(Header(), entries)
    for entry in entries:
        assert verify_inclusion(prove(built, entry.path), built.root) == entry.path


def test_a_tree_of_entries_is_that_of_their_hashes():
    entries = [b"a", b"", b"c"]
    assert Tree.of(entries).root() == Tree(map(leaf_hash, entries)).root()


def test_a_tree_that_is_kept_gives_the_same_proofs():
    built = manifest(7)
    tree = Tree(built.leaf_hashes())
    for index, line in enumerate(built.entry_lines()):
        assert inclusion(built, tree, index, line) == prove(built, f"f{index:03}")
