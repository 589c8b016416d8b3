"""W3C PROV: a graph of lineage as PROV-JSON, PROV-N and PROV-JSONLD, and PROV-JSON back.

What is said is decided in ``statements``; the package ``prov`` writes all notations but the first.

Promises: ``import_json(export(g, "json")) == g`` for every graph whose supersessions agree, also
after another reader of PROV wrote the document anew. Must never write or accept a statement that
the records do not hold.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from provenance.errors import InputError
from provenance.interchange import prov_json
from provenance.interchange.description import KINDS, TERMS, Graph, Names
from provenance.interchange.reading import graph_of
from provenance.interchange.statements import Value, of_graph

if TYPE_CHECKING:
    from prov.identifier import Namespace, QualifiedName
    from prov.model import ProvDocument

Format = Literal["json", "provn", "jsonld"]
FORMATS: tuple[Format, ...] = ("json", "provn", "jsonld")


def export(graph: Graph, form: Format = "json") -> bytes:
    """Return a graph as a PROV document in UTF-8.

    Args:
        graph: what to say.
        form: ``json`` (PROV-JSON), ``provn`` (PROV-N) or ``jsonld`` (PROV-JSONLD).

    Raises:
        InputError: another form.
    """
    if form not in FORMATS:
        raise InputError(f"expected a form among {', '.join(FORMATS)}; found {form[:40]!r}")
    if form == "json":
        prefixes = {kind: graph.names.prefix(kind) for kind in KINDS} | {"dpl": TERMS}
        return prov_json.write(of_graph(graph), prefixes)
    return str(document_of(graph).serialize(format=form)).encode()


def document_of(graph: Graph) -> "ProvDocument":
    """Return a graph as the package ``prov`` holds one."""
    from prov.constants import PROV_N_MAP
    from prov.model import ProvDocument

    document = ProvDocument()
    spaces = _Spaces(graph.names)
    for space in spaces.declared():
        document.add_namespace(space)
    kinds = {word: kind for kind, word in PROV_N_MAP.items()}
    for statement in of_graph(graph):
        name = statement.identifier and spaces.name(statement.identifier)
        pairs = [(spaces.name(key), spaces.value(value)) for key, value in statement.attributes]
        document.new_record(kinds[statement.kind], name or None, pairs)
    return document


def import_json(document: bytes) -> Graph:
    """Return the graph that a PROV-JSON document says.

    Raises:
        TooLarge: it is over a limit of the reader.
        InvalidDocument: it is not PROV-JSON.
        UnsupportedStatement: it says what records of lineage cannot hold; the statement is named.
    """
    return graph_of(prov_json.read(document))


class _Spaces:
    """The namespaces of a document: one for each kind of thing, and that of our words."""

    def __init__(self, names: Names) -> None:
        from prov.constants import PROV
        from prov.identifier import Namespace

        self._own = [Namespace(kind, names.prefix(kind)) for kind in KINDS]
        self._own.append(Namespace("dpl", TERMS))
        self._all = (*self._own, PROV)

    def declared(self) -> "list[Namespace]":
        """Return those that a document has to declare."""
        return self._own

    def name(self, iri: str) -> "QualifiedName":
        """Return an IRI as a qualified name."""
        space = next(space for space in self._all if iri.startswith(space.uri))
        return space[iri[len(space.uri) :]]

    def value(self, value: Value) -> Any:
        """Return a value as the package holds it."""
        if value.sort == "iri":
            return self.name(str(value.value))
        if value.sort == "time":
            return datetime.fromtimestamp(int(value.value), UTC)
        return value.value
