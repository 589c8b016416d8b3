"""Lineage as the ledger knows it: activities, what they used and what came out.

A pure room: records and graph walks over them, no chain, no SQL, no files.
"""
