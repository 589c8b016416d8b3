import inspect
import re

from provenance import errors

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, Exception) and found.__module__ == errors.__name__
]


def test_the_tree_in_the_docstring_is_the_tree_in_the_code():
    parents, drawn = {0: None}, {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"    ([\u2502 ]*(?:[\u251c\u2514]\u2500\u2500 )?)([A-Z]\w+)", line)
        if match and match[2] in errors.__dict__:
            depth = len(match[1]) // 4
            drawn[match[2]] = parents.get(depth - 1) if depth else "Exception"
            parents[depth] = match[2]
    assert drawn == {found.__name__: found.__bases__[0].__name__ for found in CLASSES}


def test_retryable_errors_are_marked_in_the_tree():
    marked = set(re.findall(r"(\w+) +\(retryable\)", errors.__doc__))
    assert marked == {found.__name__ for found in CLASSES if found.retryable}


def test_errors_carry_their_values():
    missing = errors.NotFoundError("dataset", 7)
    assert (str(missing), missing.kind, missing.identifier) == ("no dataset 7", "dataset", 7)
    root = errors.RootMismatch(b"\1", b"\2")
    assert str(root) == "root mismatch: expected 01, computed 02"
    assert (root.expected, root.computed) == (b"\1", b"\2")
    revert = errors.ContractRevert("NotHolder", {"titleId": 1, "caller": "0xaa"})
    assert str(revert) == "NotHolder(titleId=1, caller=0xaa)"
    assert revert.arguments == {"titleId": 1, "caller": "0xaa"}
