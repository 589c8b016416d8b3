"""ODRL 2.2 in and out, as JSON-LD, without network.

``context`` holds the names, ``vocabulary`` what each means here, ``reading`` turns a document into
nodes that know their paths, ``constraints`` and ``rules`` read those, ``import_`` makes a policy of
it all and ``export`` writes one.

Promises: what cannot be represented is refused with its term and path, never dropped. Must never
fetch anything: a document that refers to a context it does not carry is refused unless it is the
W3C's own.
"""
