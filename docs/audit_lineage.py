"""Walk a version back to where it was collected, with the standard library alone.

    python audit_lineage.py NODE DIRECTORY VERSION [VERSION=PATH ...] [--prov FILE]

NODE is the JSON-RPC address of a node you trust, DIRECTORY the address of the ledger's Directory
from a source you trust. VERSION is dataset.number, such as 3.1. PATH is a folder or file you have:
its root is computed and compared with the one on the ledger; PATH may also be a manifest
(NAME.manifest), whose files lie beside it in NAME. No service and no index is asked, only the node:

- every log of every dataset on the way is fetched, folded, and compared with the head on chain, so
  that nothing is missing or invented (docs/formats.md, section 5);
- each version leads to the activity it came out of, and that to its inputs, until COLLECT;
- all of it is written as PROV-JSON to FILE (docs/interchange.md).

Exit 0: all checks passed and all ways end at COLLECT. 1: a check failed. 2: some way ends before.
"""

import hashlib
import json
import os
import sys
import unicodedata
import urllib.request
from datetime import UTC, datetime

# First topics of the events (Keccak-256 of their signatures) and selectors of the calls.
REGISTERED = "3833dfb0d1d13fe830d642efbd934b02e6c2c0fcb4c098d9e076dd32b2f144fe"
PUBLISHED = "c2665d3bd67d0866c0de6edfebfa6e5f558dc5ade1a04542d1b80eef412accb4"
WITHDRAWN = "5d8dcde6962a5740c42d606b4e3a30fa4af28407a9bcdfc0159f1d76379a1b8b"
RECORDED = "e88d2a7462189b5c2604bd7ad1041adadd60f888568e4c506c496be896d547b7"
DERIVED = "14eab4228c5d537566b5a79abf0cce5c42cab8b68674ab4e2e1a79b12a044aee"
ADDRESS_OF, NAME_OF, IS_SEALED, HEAD_OF = "bb34534c", "f5c57382", "631f9852", "65c7d79d"
KINDS = (
    *("NONE", "COLLECT", "CLEAN", "TRANSFORM", "JOIN", "ANONYMIZE", "TRAIN", "INFER"),
    *("SECURE_COMPUTE", "APPLY", "DELETE"),
)


def sha256(*parts):
    """Hash the parts joined."""
    return hashlib.sha256(b"".join(parts)).digest()


def raw(text):
    """Read hexadecimal, with or without 0x."""
    return bytes.fromhex(text.removeprefix("0x"))


def subject(dataset):
    """Return the subject of a dataset: kind, 23 zero bytes, id."""
    return b"\x02" + bytes(23) + dataset.to_bytes(8, "big")


class Failed(Exception):
    """A check failed: somebody lies, or the files are others."""


class Node:
    """A node, at one block."""

    def __init__(self, url, directory):
        self.url, self.directory = url, directory.lower()
        self.chain_id = int(self.ask("eth_chainId"), 16)
        head = self.ask("eth_getBlockByNumber", "latest", False)
        self.number, self.block = int(head["number"], 16), head["hash"]
        self.times = {self.number: int(head["timestamp"], 16)}
        self.modules = {}
        if not int(self.call(self.directory, IS_SEALED), 16):
            raise Failed("the Directory is not sealed: modules may still be added")
        self.history, self.datasets, self.lineage = map(
            self.module, ("History", "Datasets", "Lineage")
        )

    def ask(self, method, *params):
        """Ask the node by JSON-RPC."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def call(self, to, selector, word=b""):
        """Call a view at the block, by its hash."""
        call = {"to": to, "data": "0x" + selector + word.hex()}
        return self.ask("eth_call", call, {"blockHash": self.block})

    def module(self, name):
        """Return the address of a module by its name."""
        return "0x" + self.call(self.directory, ADDRESS_OF, name.encode().ljust(32, b"\0"))[-40:]

    def is_module(self, address):
        """Return whether the Directory knows an address as a module."""
        if address not in self.modules:
            name = self.call(self.directory, NAME_OF, raw(address).rjust(32, b"\0"))
            self.modules[address] = any(raw(name))
        return self.modules[address]

    def time(self, number):
        """Return the time of a block."""
        if number not in self.times:
            block = self.ask("eth_getBlockByNumber", hex(number), False)
            self.times[number] = int(block["timestamp"], 16)
        return self.times[number]

    def logs(self, wanted):
        """Return every log of the modules with this subject, in the order of the chain."""
        found = {}
        for place in range(3):
            topics = [None] * (place + 1) + ["0x" + wanted.hex()]
            for log in self.range(topics, 0, self.number):
                found[int(log["blockNumber"], 16), int(log["logIndex"], 16)] = log
        return [log for _, log in sorted(found.items()) if self.is_module(log["address"].lower())]

    def range(self, topics, first, last):
        """Fetch logs; halve the range where the node has a limit."""
        span = {"fromBlock": hex(first), "toBlock": hex(last), "topics": topics}
        try:
            return self.ask("eth_getLogs", span)
        except RuntimeError:
            if first == last:
                raise
        middle = (first + last) // 2
        return self.range(topics, first, middle) + self.range(topics, middle + 1, last)


def checked_logs(node, dataset):
    """Return the logs of a dataset, proven complete by the head on chain."""
    wanted = subject(dataset)
    logs = node.logs(wanted)
    head = sha256(b"\x11", node.chain_id.to_bytes(32, "big"), raw(node.history), wanted)
    for log in logs:
        topics = [raw(topic) for topic in log["topics"]]
        place = int(log["blockNumber"], 16).to_bytes(8, "big") + raw(log["address"])
        event = sha256(b"\x10", place, bytes([len(topics)]), *topics, raw(log["data"]))
        head = sha256(b"\x12", head, event)
    if head != raw(node.call(node.history, HEAD_OF, wanted)):
        raise Failed(f"the logs of dataset {dataset} do not fold to its head: some are missing")
    print(f"complete: {len(logs)} logs of dataset {dataset} fold to its head {head.hex()}")
    return logs


class Dataset:
    """What the complete history of a dataset says of its versions."""

    def __init__(self, node, dataset):
        self.id, self.versions, self.activities, self.inputs = dataset, {}, {}, {}
        for log in checked_logs(node, dataset):
            address = log["address"].lower()
            topics = [raw(topic) for topic in log["topics"]]
            data = raw(log["data"])
            words = [data[at : at + 32] for at in range(0, len(data), 32)]
            block, mine = int(log["blockNumber"], 16), topics[1] == subject(dataset)
            kind = (address, topics[0].hex())
            if kind in ((node.datasets, REGISTERED), (node.datasets, PUBLISHED)) and mine:
                first = topics[0].hex() == REGISTERED
                number = 1 if first else number_of(words[0])
                root, manifest = words[2:4] if first else words[1:3]
                publisher = int.from_bytes(topics[2][24:], "big")
                self.versions[number] = {
                    **{"root": root, "manifest": manifest, "publisher": publisher},
                    **{"published": node.time(block), "withdrawn": None},
                }
            elif kind == (node.datasets, WITHDRAWN) and mine:
                self.versions[number_of(words[0])]["withdrawn"] = node.time(block)
            elif kind == (node.lineage, RECORDED) and mine:
                self._activity(node, topics, words, block)
            elif kind == (node.lineage, DERIVED) and topics[2] == subject(dataset):
                source = (int.from_bytes(topics[1][24:], "big"), number_of(words[1]))
                grant = int.from_bytes(topics[3][24:], "big")
                self.inputs.setdefault(number_of(words[0]), []).append((source, grant))

    def _activity(self, node, topics, words, block):
        party, agent = (int.from_bytes(topic[24:], "big") for topic in topics[2:4])
        found = {
            "id": number_of(words[0]),
            "version": number_of(words[1]),
            "kind": KINDS[number_of(words[2])],
            **{"start": number_of(words[3]), "end": number_of(words[4])},
            "hashes": dict(zip(("code", "parameters", "environment"), words[5:8], strict=True)),
            "ceiling": number_of(words[13]),
            "taint": bool(number_of(words[14])),
            "supersedes": number_of(words[15]),
            **{"superseded_by": 0, "party": party, "agent": agent or party},
            **{"block": block, "recorded": node.time(block)},
        }
        if found["supersedes"] in self.activities:
            self.activities[found["supersedes"]]["superseded_by"] = found["id"]
        self.activities[found["id"]] = found

    def of(self, version):
        """Return the activity that a version came out of, as last corrected, or None."""
        found = [act for act in self.activities.values() if act["version"] == version]
        return found[-1] if found else None


number_of = int.from_bytes  # big-endian by default since Python 3.11


def walk(node, start):
    """Return the datasets on the way, the versions that were reached, and those without origin."""
    datasets, reached, origins = {}, [], []
    waiting, seen = [start], {start}
    while waiting:
        dataset, version = here = waiting.pop(0)
        if dataset not in datasets:
            datasets[dataset] = Dataset(node, dataset)
        if version not in datasets[dataset].versions:
            raise Failed(f"{dataset}.{version} is used but was never published")
        reached.append(here)
        act = datasets[dataset].of(version)
        if act is None:
            origins.append(here)
            print(f"no origin: {dataset}.{version} was registered without an activity")
            continue
        print(f"{dataset}.{version}: {act['kind']}, activity {act['id']} of party {act['party']}")
        for source, _ in datasets[dataset].inputs.get(act["id"], []):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return datasets, reached, origins


def files_of(path):
    """Yield the paths in a manifest and on disk, in the order of a manifest."""
    if os.path.isfile(path):
        return [(".", path)]
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            inside = os.path.relpath(full, path).replace(os.sep, "/")
            found.append((unicodedata.normalize("NFC", inside), full))
    return sorted(found, key=lambda pair: pair[0].encode())


def entry(path, full):
    """Return the line of a file in a manifest with SHA-256 (docs/formats.md, section 3)."""
    with open(full, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return line({"digests": {"sha256": digest}, "path": path, "size": file.tell()})


def line(fields):
    """Return canonical JSON (RFC 8785) of texts and integers."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def tree(hashes):
    """Return the RFC 9162 tree hash of leaf hashes."""
    level = list(hashes)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01", *pair) for pair in pairs] + odd
    return level[0]


def root_of(path):
    """Return the root of the files at a path, or of a manifest and the files beside it."""
    if path.endswith(".manifest"):
        with open(path, "rb") as file:
            header, *entries = file.read().split(b"\n")[:-1]
        beside = dict(files_of(path.removesuffix(".manifest")))
        for one in map(json.loads, entries):
            found = json.loads(entry(one["path"], beside[one["path"]]))
            if found["digests"]["sha256"] != one["digests"]["sha256"]:
                raise Failed(f"the file {one['path']!r} is not the one in the manifest")
    else:
        plain = {"algorithms": ["sha256"], "format": "provenance-manifest/1", "ignore": []}
        header = line({**plain, "private": False, "unicode": "14.0.0"})
        entries = [entry(*pair) for pair in files_of(path)]
    leaves = [sha256(b"\x00", one) for one in entries]
    return sha256(b"\x02", len(entries).to_bytes(8, "big"), sha256(header), tree(leaves))


def prov(node, datasets, reached):
    """Return all that was found as PROV-JSON (docs/interchange.md)."""
    base = f"urn:dpl:{node.chain_id}:{node.directory}"
    kinds = ("dataset", "version", "party", "activity", "grant", "policy", "answer")
    found = {"prefix": {kind: f"{base}:{kind}:" for kind in kinds} | {"dpl": "urn:dpl:terms:"}}
    count = 0

    def say(kind, name, **said):
        nonlocal count
        count += 1
        key = name or f"_:id{count}"
        found.setdefault(kind, {})[key] = {
            word.replace("_", ":", 1): value for word, value in said.items() if value is not None
        }

    def named(kind, number):
        return {"$": f"{kind}:{number}", "type": "xsd:QName"}

    def moment(seconds):
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    answer = {"dpl_blockHash": node.block[2:], "dpl_truncated": False}
    say("entity", f"answer:{node.number}", prov_type=named("dpl", "Answer"), **answer)
    parties = set()
    for dataset in sorted({dataset for dataset, _ in reached}):
        say("entity", f"dataset:{dataset}", prov_type=named("dpl", "Dataset"))
    for dataset, version in reached:
        facts, name = datasets[dataset].versions[version], f"version:{dataset}.{version}"
        parties.add(facts["publisher"])
        digests = {"dpl_root": facts["root"].hex(), "dpl_manifestHash": facts["manifest"].hex()}
        published = {"dpl_publishedAt": {"$": moment(facts["published"]), "type": "xsd:dateTime"}}
        say("entity", name, prov_type=named("dpl", "Version"), **digests, **published)
        whole = {"prov_specificEntity": name, "prov_generalEntity": f"dataset:{dataset}"}
        say("specializationOf", None, **whole)
        publisher = f"party:{facts['publisher']}"
        say("wasAttributedTo", None, prov_entity=name, prov_agent=publisher)
        if facts["withdrawn"] is not None:
            say("wasInvalidatedBy", None, prov_entity=name, prov_time=moment(facts["withdrawn"]))
        for act in datasets[dataset].activities.values():
            if act["version"] == version:
                say_activity(say, named, moment, act, datasets[dataset])
                parties |= {act["party"], act["agent"]}
    for party in sorted(parties):
        say("agent", f"party:{party}")
    return found


def say_activity(say, named, moment, act, dataset):
    """Say an activity, what it used and what came out."""
    me, made = f"activity:{act['id']}", f"version:{dataset.id}.{act['version']}"
    standing = not act["superseded_by"]
    hashes = {f"dpl_{word}Hash": one.hex() for word, one in act["hashes"].items() if any(one)}
    say(
        "activity",
        me,
        prov_type=named("dpl", act["kind"]),
        prov_startTime=moment(act["start"]),
        prov_endTime=moment(act["end"]),
        dpl_homeTaint=act["taint"],
        dpl_block=act["block"],
        dpl_recordedAt={"$": moment(act["recorded"]), "type": "xsd:dateTime"},
        dpl_ceiling=named("policy", act["ceiling"]) if act["ceiling"] else None,
        dpl_supersededOutput=None if standing else named(*made.split(":")),
        **hashes,
    )
    for place, ((source, number), grant) in enumerate(dataset.inputs.get(act["id"], [])):
        used = f"version:{source}.{number}"
        under = named("grant", grant) if grant else None
        words = {"prov_activity": me, "prov_entity": used, "dpl_position": place}
        say("used", None, **words, dpl_grant=under)
        if standing:
            pair = {"prov_generatedEntity": made, "prov_usedEntity": used}
            say("wasDerivedFrom", None, **pair, prov_activity=me)
    if standing:
        say("wasGeneratedBy", None, prov_entity=made, prov_activity=me)
    agent = f"party:{act['agent']}"
    say("wasAssociatedWith", None, prov_activity=me, prov_agent=agent)
    if act["agent"] != act["party"]:
        pair = {"prov_delegate": agent, "prov_responsible": f"party:{act['party']}"}
        say("actedOnBehalfOf", None, **pair, prov_activity=me)
    if act["supersedes"]:
        pair = {"prov_influencee": me, "prov_influencer": f"activity:{act['supersedes']}"}
        say("wasInfluencedBy", None, **pair, prov_type=named("dpl", "Supersession"))


def parse(text):
    """Return dataset and number of a version such as 3.1."""
    dataset, _, number = text.partition(".")
    return int(dataset), int(number)


def main(url, directory, start, *more):
    """Audit a version; return the exit code."""
    target = None
    if "--prov" in more:
        at = more.index("--prov")
        target, more = more[at + 1], more[:at] + more[at + 2 :]
    node = Node(url, directory)
    datasets, reached, origins = walk(node, parse(start))
    paths = {parse(name): path for name, _, path in (word.partition("=") for word in more)}
    for dataset, version in reached:
        path, wanted = paths.get((dataset, version)), datasets[dataset].versions[version]["root"]
        if path is None:
            print(f"not checked: no files were given of {dataset}.{version}")
        elif root_of(path) != wanted:
            raise Failed(f"the files at {path} do not have the root of {dataset}.{version}")
        else:
            print(f"root: the files at {path} are {dataset}.{version}, {wanted.hex()}")
    if target is not None:
        with open(target, "w") as file:
            json.dump(prov(node, datasets, reached), file)
    word = "some ways end before" if origins else "all ways end at"
    print(f"{len(reached)} versions at block {node.number}: {word} COLLECT")
    return 2 if origins else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Failed as error:
        sys.exit(f"FAILED: {error}")
