"""Lineage that others wrote down as PROV: looked at first, then recorded.

Promises: what is recorded is what the document says and the caller chose, each activity after those
whose outputs it used; what the ledger says already is not recorded again, neither if an import is
repeated that stopped half way. Must never record a part of a document that is refused.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from provenance.content.writer import Manifest
from provenance.errors import InputError, UnsupportedStatement
from provenance.index import activities
from provenance.index import interchange as indexed
from provenance.interchange import prov_documents, prov_drafts
from provenance.interchange.description import Names, VersionFacts, local_version
from provenance.interchange.drafts import Choices, Draft, Made, Plan, Refusal
from provenance.interchange.prov_documents import Document
from provenance.ledger import lineage, parties
from provenance.ledger.deeds import MAX_INPUTS, Deed, kind_of, parse_input
from provenance.ledger.interchange import MAX_COUNTED
from provenance.ledger.lineage import Product, Recorded
from provenance.ledger.lineage_matches import alike, otherwise
from provenance.ledger.opening import Ledger
from provenance.ledger.views import reading
from provenance.ledger.vocabulary import Classification
from provenance.lineage.records import Activity, ActivityId, Input, VersionRef

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person says about a document, with its names as the document shows them.

    Attributes:
        maps: ``ENTITY=DATASET:VERSION`` or ``ENTITY=DATASET:VERSION:GRANT``.
        data: ``ENTITY=PATH`` for entities whose data is at hand.
        agents: ``AGENT=NAME``, ``AGENT=party:ID`` or ``AGENT=0x…``.
        kinds: ``KIND`` for all activities that say none, or ``ACTIVITY=KIND``.
        skipped: entities, activities and agents to leave over.
        utc: whether times without a time zone are in UTC.
        flattened: whether what bundles say counts.
        started_at: Unix seconds for activities that do not say when they started.
        ended_at: the same of when they ended.
    """

    maps: Sequence[str] = ()
    data: Sequence[str] = ()
    agents: Sequence[str] = ()
    kinds: Sequence[str] = ()
    skipped: Sequence[str] = ()
    utc: bool = False
    flattened: bool = False
    started_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An activity of a document beside the ledger.

    Attributes:
        draft: what the document says.
        signer: name of the key that would sign.
        known: the activity of the ledger that says so already, or None.
    """

    draft: Draft
    signer: str
    known: ActivityId | None


@dataclass(frozen=True, slots=True)
class Prospect:
    """What an import would do.

    Attributes:
        content: the document as it was given.
        document: its records and names.
        plan: what it says, and what of it is left over.
        steps: what would be recorded, in order.
        data: paths of the data of new versions, by the IRIs of their entities.
        refused: why nothing can be; empty if it can.
    """

    content: bytes
    document: Document
    plan: Plan
    steps: tuple[Step, ...]
    data: Mapping[str, str]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said of all activities of an import and no PROV document has words for.

    Attributes:
        context: arguments of :meth:`Deed.of_words` by which grants are judged.
        classification: what is declared about new datasets.
    """

    context: Mapping[str, Any] = field(default_factory=dict)
    classification: Classification = field(default_factory=Classification)


def look(
    ledger: Ledger, signer: str, content: bytes, wishes: Wishes, *, clock: Clock = time.time
) -> Prospect:
    """Return what an import of a PROV document would record; nothing is.

    Args:
        ledger: the ledger.
        signer: name of the key that signs for activities whose agent is not named.
        content: the document, in any notation that the package ``prov`` reads.
        wishes: what its names stand for.
        clock: returns Unix seconds; no activity ends later.

    Raises:
        InputError: it is no PROV document, or a wish names nothing in it.
        NotFoundError: there is no such party.
    """
    document = prov_documents.read(content)
    names = Names(ledger.chain_id, ledger.address("Directory"))
    data = dict(map(document.split, wishes.data))
    choices = _choices(ledger, document, wishes, frozenset(data))
    refs = {given.source for given in choices.versions.values()}
    refs |= {own for iri in document.shown if (own := prov_drafts.own_version(names, iri))}
    with reading(ledger, None) as (connection, block):
        counted = [ref for ref in refs if ref.dataset_id <= MAX_COUNTED]
        known = indexed.facts_of(connection, counted, block.block_number)
        facts = {ref: found.facts for ref, found in known.items()}
        published = {ref: fact.publisher_id for ref, fact in facts.items()}
        plan = prov_drafts.plan(document, names, replace(choices, publishers=published))
        makers = {ref: found.activity_id for ref, found in known.items()}
        claimed = {draft.name: _claimed(draft, names, makers) for draft in plan.drafts}
        wanted = sorted({one for one in claimed.values() if one and one <= MAX_COUNTED})
        stored = activities.of_ids(connection, wanted, as_of=block.block_number)
        acts = {one.activity.activity_id: one.activity for one in stored}
    # by party; the one who was named comes first
    keys = {**ledger.names(), ledger.party_of_signer(signer): signer}
    refused = list(plan.refused)
    steps = []
    for draft in plan.drafts:
        number = claimed[draft.name]
        act = acts.get(ActivityId(number)) if number else None
        who = signer if draft.agent_id is None else keys.get(draft.agent_id)
        reasons = _objections(draft, act, number, facts, int(clock()))
        if who is None and act is None:
            reasons.append(f"expected a key of this home for party {draft.agent_id}, found none")
        refused += [Refusal(draft.shown, reason) for reason in reasons]
        steps.append(Step(draft, who or signer, act.activity_id if act else None))
    return Prospect(content, document, plan, tuple(steps), data, tuple(refused))


@dataclass(frozen=True, slots=True)
class Done:
    """An activity of a document that the ledger says now.

    Attributes:
        step: what the document says.
        activity_id: its number.
        output: what came out, or None.
        recorded: what was recorded; None if the ledger said so before.
    """

    step: Step
    activity_id: ActivityId
    output: VersionRef | None
    recorded: Recorded | None


def record(
    ledger: Ledger,
    prospect: Prospect,
    manifests: Mapping[str, Manifest],
    terms: Terms | None = None,
) -> Iterator[Done]:
    """Record what was looked at; yield each activity once it is mined.

    The document is kept; the metadata of new versions names it by its SHA-256.

    Args:
        ledger: the ledger.
        prospect: as :func:`look` returned it.
        manifests: the data of new versions by the IRIs of their entities.
        terms: what is said of all activities.

    Raises:
        UnsupportedStatement: the document is refused.
        InputError: the data of an entity is missing.
        ContractRevert: the contracts refuse it; what was recorded before stays.
    """
    for refusal in prospect.refused:
        raise UnsupportedStatement(refusal.name, refusal.reason)
    for step in prospect.steps:
        output = step.draft.output
        if output is not None and output.new and output.entity not in manifests:
            raise InputError(f"expected the data of {output.entity[:120]}, found none")
    digest: bytes = ledger.documents.put(prospect.content)
    made: dict[str, VersionRef] = {}
    for step in prospect.steps:
        done = _done(ledger, step, made, manifests, terms or Terms(), digest)
        if step.draft.output is not None and done.output is not None:
            made[step.draft.output.entity] = done.output
        yield done


def _choices(ledger: Ledger, document: Document, wishes: Wishes, made: frozenset[str]) -> Choices:
    versions, agents, kinds = {}, {}, {}
    for text in wishes.maps:
        name, rest = document.split(text)
        versions[name] = parse_input(rest)
    for text in wishes.agents:
        name, rest = document.split(text)
        agents[name] = parties.resolve(ledger, rest).party_id
    usual = [kind_of(text) for text in wishes.kinds if "=" not in text]
    for text in (text for text in wishes.kinds if "=" in text):
        name, rest = document.split(text)
        kinds[name] = kind_of(rest)
    if len(usual) > 1:
        raise InputError(f"expected one kind for all activities, found {len(usual)}")
    return Choices(
        versions=versions,
        made=made,
        agents=agents,
        kinds=kinds,
        kind=usual[0] if usual else None,
        skipped=frozenset(map(document.iri, wishes.skipped)),
        utc=wishes.utc,
        started_at=wishes.started_at,
        ended_at=wishes.ended_at,
        flattened=wishes.flattened,
    )


def _claimed(
    draft: Draft, names: Names, makers: Mapping[VersionRef, int | None]
) -> ActivityId | None:
    """Return the activity that a draft has to agree with: by its name, or by its output."""
    number = prov_drafts.own_id(names, draft.name, "activity")
    output = draft.output
    if number is None and output is not None and output.version is not None and not output.new:
        number = makers.get(output.version)
    return None if number is None else ActivityId(number)


def _objections(
    draft: Draft,
    act: Activity | None,
    claimed: ActivityId | None,
    facts: Mapping[VersionRef, VersionFacts],
    now_s: int,
) -> list[str]:
    """Return why a draft cannot be recorded, and is not recorded yet."""
    if act is not None:
        other = ", ".join(otherwise(draft, act))
        return [f"activity {act.activity_id} of the ledger says otherwise: {other}"] * bool(other)
    if claimed is not None:
        return ["expected an activity of this ledger, found none of this name"]
    output = draft.output
    needed = [used.source for used in draft.inputs if used.source]
    if output is not None and output.version is not None and not output.new:
        needed.append(output.version)
        if draft.inputs:
            needed_data = "a derivation is recorded with the version that comes out"
            shown = local_version(output.version)
            return [f"version {shown} is registered already: {needed_data}; see --data, --skip"]
    found = [
        f"expected version {local_version(ref)} on the ledger, found none"
        for ref in needed
        if ref not in facts
    ]
    if len(draft.inputs) > MAX_INPUTS:
        found.append(f"expected at most {MAX_INPUTS} inputs, found {len(draft.inputs)}")
    if draft.ended_at > now_s:
        found.append(f"expected an end in the past, found Unix second {draft.ended_at}")
    return found


def _done(
    ledger: Ledger,
    step: Step,
    made: Mapping[str, VersionRef],
    manifests: Mapping[str, Manifest],
    terms: Terms,
    digest: bytes,
) -> Done:
    draft, output = step.draft, step.draft.output
    if step.known is not None:
        return Done(step, step.known, output.version if output else None, None)
    inputs = [Input(used.source or made[used.entity], used.grant_id) for used in draft.inputs]
    manifest = manifests[output.entity] if output is not None and output.new else None
    said = replace(
        draft,
        agent_id=ledger.party_of_signer(step.signer),
        inputs=tuple(
            replace(used, source=given.source)
            for used, given in zip(draft.inputs, inputs, strict=True)
        ),
    )
    act = alike(ledger, said, manifest)
    if act is not None:
        return Done(step, act.activity_id, act.output, None)
    recorded = _recorded(ledger, step, inputs, manifest, terms, digest)
    return Done(step, recorded.activity_id, recorded.output, recorded)


def _recorded(
    ledger: Ledger,
    step: Step,
    inputs: Sequence[Input],
    manifest: Manifest | None,
    terms: Terms,
    digest: bytes,
) -> Recorded:
    draft, output = step.draft, step.draft.output
    code, parameters, environment = draft.hashes
    deed = Deed.of_words(
        draft.kind.name,
        started_at=draft.started_at,
        ended_at=draft.ended_at,
        code_hash=code,
        parameters_hash=parameters,
        environment_hash=environment,
        **terms.context,
    )
    who, party = step.signer, draft.party_id
    if output is None or manifest is None:
        collected = output.version if output else None
        return lineage.record(ledger, who, deed, inputs, collected=collected, on_behalf_of=party)
    product = _product(output, manifest, terms, digest)
    return lineage.derive(ledger, who, deed, inputs, product, on_behalf_of=party)


def _product(output: Made, manifest: Manifest, terms: Terms, digest: bytes) -> Product:
    ref = output.version
    return Product(
        manifest,
        dataset_id=ref.dataset_id if ref else None,
        version=ref.version if ref else None,
        title=output.title or (None if ref else output.entity),
        metadata={"described_by": {"format": "prov", "sha256": digest.hex()}},
        classification=terms.classification,
    )
