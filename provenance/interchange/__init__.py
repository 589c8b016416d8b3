"""The formats in which others speak of lineage and datasets: read and written, nothing else.

A pure room: bytes in, records out, and back; no chain, no SQL, no network.
"""
