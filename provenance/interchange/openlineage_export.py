"""OpenLineage events written anew: what a run or dataset is by all of its events, with our proof.

Facets come from the posted events unchanged, number by number; a later event replaces a facet of an
earlier one, as OpenLineage asks (spec, "Core Lineage Model"), and ``_deleted`` takes it away. Two
facets are ours, named as the spec asks for custom ones (``docs/openlineage.md``):
``provenance_proof`` and ``provenance_registration``.

Promises: what comes out validates against OpenLineage 2-0-2 if what was posted did. Must never
add a facet that nobody posted, but for these two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provenance.interchange.openlineage import REGISTRATION_FACET, Name, read_exactly
from provenance.interchange.times import format_time

PRODUCER = "urn:dpl:software:provenance-ledger"
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
PROOF_FACET = "provenance_proof"

_SCHEMAS = "urn:dpl:openlineage:1-0-0:"
_DIRECTIONS = {"inputs": "inputFacets", "outputs": "outputFacets"}


_GONE = object()


@dataclass(slots=True)
class _Merged:
    """What events together say of one thing: its facets by the member that holds them."""

    facets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, fields: Any, members: Sequence[str]) -> None:
        """Take the facets that no later event has replaced or taken away."""
        for member in members:
            found = fields.get(member) if isinstance(fields, dict) else None
            kept = self.facets.setdefault(member, {})
            for name, facet in reversed(found.items()) if isinstance(found, dict) else ():
                is_gone = isinstance(facet, dict) and facet.get("_deleted") is True
                kept.setdefault(name, _GONE if is_gone else facet)

    def as_members(self, **ours: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the facets in the order in which they were last said, and then ours."""
        found: dict[str, dict[str, Any]] = {}
        for member in dict.fromkeys((*self.facets, "facets")):
            told = reversed(self.facets.get(member, {}).items())
            facets = {name: facet for name, facet in told if facet is not _GONE}
            for name, facet in ours.items() if member == "facets" else ():
                facets.pop(name, None)
                facets[name] = facet
            if facets:
                found[member] = facets
        return found


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


@dataclass(frozen=True, slots=True)
class Proofs:
    """The proofs that go out with a run or dataset.

    Attributes:
        events: one for each event, by time.
        is_cut: whether more events are about it than were put together or are proven here.
        following: what to ask after for the proofs of the events before these; None at the end.
    """

    events: Sequence[Mapping[str, Any]]
    is_cut: bool = False
    following: int | None = None


class RunStory:
    """A run as its events tell it; give them from the last to the first."""

    def __init__(self) -> None:
        self._run, self._job = _Merged(), _Merged()
        self._datasets: dict[str, dict[Name, _Merged]] = {member: {} for member in _DIRECTIONS}

    def add(self, document: bytes) -> bool:
        """Take what an event says of the run, as every event of a run does."""
        fields = read_exactly(document)
        self._run.add(fields.get("run"), ("facets",))
        self._job.add(fields.get("job"), ("facets",))
        for member, own in _DIRECTIONS.items():
            for dataset in reversed(fields.get(member) or ()):
                name = Name(dataset["namespace"], dataset["name"])
                self._datasets[member].setdefault(name, _Merged()).add(dataset, ("facets", own))
        return True

    def event(
        self,
        state: RunState,
        registrations: Mapping[Name, Mapping[str, Any]],
        proofs: Proofs,
    ) -> dict[str, Any]:
        """Return the RunEvent; numbers are as ``exact_json`` has them.

        Args:
            state: what the run is.
            registrations: by name, the members of the facet of each registered dataset.
            proofs: the proofs of its events.
        """
        ours = {PROOF_FACET: proof_facet(proofs)}
        run, job = self._run.as_members(**ours), self._job.as_members()
        return {
            "eventType": state.state,
            "eventTime": format_time(state.time_us),
            "producer": PRODUCER,
            "schemaURL": SCHEMA_URL + "RunEvent",
            "run": {"runId": state.run_id, **run},
            "job": {"namespace": state.job.namespace, "name": state.job.name, **job},
            **{
                member: [
                    _dataset(name, merged, registrations.get(name))
                    for name, merged in sorted(found.items(), key=lambda item: item[0])
                ]
                for member, found in self._datasets.items()
            },
        }


class DatasetStory:
    """A dataset as events tell it; give them from the last to the first.

    Args:
        name: its name.
    """

    def __init__(self, name: Name) -> None:
        self._name = name
        self._merged = _Merged()

    def add(self, document: bytes) -> bool:
        """Take what an event says of the dataset; return whether it names it at all."""
        fields = read_exactly(document)
        told = [fields.get("dataset")]
        for member in _DIRECTIONS:
            told.extend(fields.get(member) or ())
        found = [
            dataset
            for dataset in told
            if dataset and Name(dataset["namespace"], dataset["name"]) == self._name
        ]
        for dataset in reversed(found):
            self._merged.add(dataset, ("facets",))
        return bool(found)

    def event(
        self, time_us: int, registration: Mapping[str, Any] | None, proofs: Proofs
    ) -> dict[str, Any]:
        """Return the DatasetEvent; numbers are as ``exact_json`` has them.

        Args:
            time_us: when something was last said of it.
            registration: the members of the facet, if it is registered.
            proofs: the proofs of the events that name it.
        """
        ours = {PROOF_FACET: proof_facet(proofs, "Dataset")}
        return {
            "eventTime": format_time(time_us),
            "producer": PRODUCER,
            "schemaURL": SCHEMA_URL + "DatasetEvent",
            "dataset": _dataset(self._name, self._merged, registration, **ours),
        }


def proof_facet(proofs: Proofs, of: str = "Run") -> dict[str, Any]:
    """Return the facet with the proofs of events.

    Args:
        proofs: the proofs.
        of: ``Run`` or ``Dataset``: what it is a facet of.
    """
    members = {
        "events": list(proofs.events),
        "truncated": proofs.is_cut,
        "next": proofs.following,
    }
    return _facet(f"ProvenanceProof{of}Facet", members)


def _dataset(
    name: Name,
    merged: _Merged,
    registration: Mapping[str, Any] | None,
    **ours: Mapping[str, Any],
) -> dict[str, Any]:
    if registration is not None:
        ours[REGISTRATION_FACET] = _facet("ProvenanceRegistrationDatasetFacet", registration)
    return {"namespace": name.namespace, "name": name.name, **merged.as_members(**ours)}


def _facet(kind: str, members: Mapping[str, Any]) -> dict[str, Any]:
    # OpenLineage, spec/OpenLineage.md, "Custom Facet Naming": a schema of its own, with its version
    url = f"{_SCHEMAS}{kind}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url, **members}
