"""OpenLineage events written anew: what a run or dataset is by all of its events, with our proof.

Facets come from the posted events unchanged; a later event replaces a facet of an earlier one, as
OpenLineage asks (spec, "Core Lineage Model"), and ``_deleted`` takes it away. Two facets are ours,
named as the spec asks for custom ones (``docs/openlineage.md``): ``provenance_proof`` and
``provenance_registration``.

Promises: what comes out validates against OpenLineage 2-0-2 if what was posted did. Must never
add a facet that nobody posted, but for these two.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provenance.interchange.openlineage import REGISTRATION_FACET, Name, read_fields
from provenance.interchange.times import format_time

PRODUCER = "urn:dpl:software:provenance-ledger"
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
PROOF_FACET = "provenance_proof"

_SCHEMAS = "urn:dpl:openlineage:1-0-0:"
_DIRECTIONS = {"inputs": "inputFacets", "outputs": "outputFacets"}


@dataclass(slots=True)
class _Merged:
    """What events together say of one thing: its facets by the member that holds them."""

    facets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, fields: Any, members: Sequence[str]) -> None:
        for member in members:
            found = fields.get(member) if isinstance(fields, dict) else None
            kept = self.facets.setdefault(member, {})
            for name, facet in found.items() if isinstance(found, dict) else ():
                kept.pop(name, None)
                if not (isinstance(facet, dict) and facet.get("_deleted") is True):
                    kept[name] = facet

    def as_members(self) -> dict[str, dict[str, Any]]:
        return {member: facets for member, facets in self.facets.items() if facets}


@dataclass(frozen=True, slots=True)
class RunState:
    """What a run is, beside its facets.

    Attributes:
        run_id: its UUID.
        job: its job.
        state: one of the event types.
        time_us: when it came to that state.
    """

    run_id: str
    job: Name
    state: str
    time_us: int


def run_event(
    state: RunState,
    documents: Iterable[bytes],
    registrations: Mapping[Name, Mapping[str, Any]],
    proofs: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a RunEvent of a run.

    Args:
        state: what it is.
        documents: its events by time, as posted.
        registrations: by name, the members of the facet of each registered dataset.
        proofs: the proof of each event.
    """
    run, job = _Merged(), _Merged()
    datasets: dict[str, dict[Name, _Merged]] = {member: {} for member in _DIRECTIONS}
    for fields in map(read_fields, documents):
        run.add(fields.get("run"), ("facets",))
        job.add(fields.get("job"), ("facets",))
        for member, own in _DIRECTIONS.items():
            for dataset in fields.get(member) or ():
                name = Name(dataset["namespace"], dataset["name"])
                datasets[member].setdefault(name, _Merged()).add(dataset, ("facets", own))
    run.facets.setdefault("facets", {})[PROOF_FACET] = proof_facet(proofs)
    return {
        "eventType": state.state,
        "eventTime": format_time(state.time_us),
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL + "RunEvent",
        "run": {"runId": state.run_id, **run.as_members()},
        "job": {"namespace": state.job.namespace, "name": state.job.name, **job.as_members()},
        **{
            member: [
                _dataset(name, merged, registrations.get(name))
                for name, merged in sorted(found.items(), key=lambda item: item[0])
            ]
            for member, found in datasets.items()
        },
    }


def dataset_event(
    name: Name,
    time_us: int,
    documents: Iterable[bytes],
    registration: Mapping[str, Any] | None,
    proofs: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a DatasetEvent of a dataset.

    Args:
        name: its name.
        time_us: when something was last said of it.
        documents: events that name it by time, as posted.
        registration: the members of the facet, if it is registered.
        proofs: the proof of each event.
    """
    merged = _Merged()
    for fields in map(read_fields, documents):
        told = [
            fields.get("dataset"),
            *(fields.get("inputs") or ()),
            *(fields.get("outputs") or ()),
        ]
        for dataset in told:
            if dataset and Name(dataset["namespace"], dataset["name"]) == name:
                merged.add(dataset, ("facets",))
    merged.facets.setdefault("facets", {})[PROOF_FACET] = proof_facet(proofs, "Dataset")
    return {
        "eventTime": format_time(time_us),
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL + "DatasetEvent",
        "dataset": _dataset(name, merged, registration),
    }


def proof_facet(proofs: Sequence[Mapping[str, Any]], of: str = "Run") -> dict[str, Any]:
    """Return the facet with the proofs of events.

    Args:
        proofs: one for each event.
        of: ``Run`` or ``Dataset``: what it is a facet of.
    """
    return _facet(f"ProvenanceProof{of}Facet", {"events": list(proofs)})


def _dataset(name: Name, merged: _Merged, registration: Mapping[str, Any] | None) -> dict[str, Any]:
    if registration is not None:
        facet = _facet("ProvenanceRegistrationDatasetFacet", registration)
        merged.facets.setdefault("facets", {})[REGISTRATION_FACET] = facet
    return {"namespace": name.namespace, "name": name.name, **merged.as_members()}


def _facet(kind: str, members: Mapping[str, Any]) -> dict[str, Any]:
    # OpenLineage, spec/OpenLineage.md, "Custom Facet Naming": a schema of its own, with its version
    url = f"{_SCHEMAS}{kind}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url, **members}
