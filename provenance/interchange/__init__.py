"""The formats in which others speak of lineage and datasets: read and written, nothing else.

A pure room: bytes in, records out, and back; no chain, no SQL, no network. A tour:

- :mod:`~provenance.interchange.description`: the records that all exporters take;
- :mod:`~provenance.interchange.prov`: W3C PROV out and in; below it
  :mod:`~provenance.interchange.statements` (what is said),
  :mod:`~provenance.interchange.prov_json` (its notation) and
  :mod:`~provenance.interchange.reading` (back to records);
- :mod:`~provenance.interchange.prov_documents`: PROV of others in any notation;
  :mod:`~provenance.interchange.prov_drafts` makes :mod:`~provenance.interchange.drafts` of it, and
  :mod:`~provenance.interchange.prov_lines` lists what is left over;
- :mod:`~provenance.interchange.croissant`: Croissant 1.1 out, and what it declares in;
- :mod:`~provenance.interchange.dcat`: DCAT 3 out.
"""
