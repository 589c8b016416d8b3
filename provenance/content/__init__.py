"""Content: from files to a manifest and its root. This room reads, and nothing else.

A tour, from the bytes up:

- :mod:`~provenance.content.digest` reads a file or stream once and returns its size and digests;
- :mod:`~provenance.content.paths` says what a path may be, and in which order paths stand;
- :mod:`~provenance.content.walk` finds and opens the files of a folder without crossing a link;
- :mod:`~provenance.content.entry` writes and reads the lines of a manifest;
- :mod:`~provenance.content.spool` holds what outgrows memory;
- :mod:`~provenance.content.tree` is the hash tree over the lines;
- :mod:`~provenance.content.writer` puts lines, tree and hash together into a ``Manifest``;
- :mod:`~provenance.content.manifest` is the door: ``build`` a manifest from a path, ``parse`` one
  from its document;
- :mod:`~provenance.content.diff` compares two manifests.

What makes it fast:

- :mod:`~provenance.content.batch` measures neighbouring files,
  :mod:`~provenance.content.mapped` one that is large;
- :mod:`~provenance.content.workers` does so in several processes at once;
- :mod:`~provenance.content.state` remembers files, so that an unchanged one is not read again;
- :mod:`~provenance.content.measuring` joins these, and says what was read and what was trusted.

What connects it:

- :mod:`~provenance.content.declared` takes over digests that others computed, and confirms them;
- :mod:`~provenance.content.declared_files` finds out which kind a file holds, and keeps one;
- :mod:`~provenance.content.exports` writes a manifest in the forms of other tools.

What reaches beyond this machine, for the command line alone:

- :mod:`~provenance.content.sources` measures what a URL names;
- :mod:`~provenance.content.stores` is any store, :mod:`~provenance.content.s3_store` S3 and
  :mod:`~provenance.content.http_store` a web server;
- :mod:`~provenance.content.distributed` hashes over a Dask cluster.

The formats are in ``docs/formats.md``. Example::

    from provenance.content import manifest

    registered = manifest.build("data/", algorithms=("sha256", "sm3"), ignore=(".git",))
    assert manifest.parse(registered.document).root == registered.root
"""
