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

Exit 0: all checks passed and all ways end at COLLECT. 1: a check failed. 2: some way ends before,
or something could not be checked: the reason is the last line.
"""

import hashlib
import json
import os
import sys
import unicodedata
import urllib.request
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from http.client import HTTPException

# First topics of the events (Keccak-256 of their signatures) and selectors of the calls.
REGISTERED = "3833dfb0d1d13fe830d642efbd934b02e6c2c0fcb4c098d9e076dd32b2f144fe"
PUBLISHED = "c2665d3bd67d0866c0de6edfebfa6e5f558dc5ade1a04542d1b80eef412accb4"
WITHDRAWN = "5d8dcde6962a5740c42d606b4e3a30fa4af28407a9bcdfc0159f1d76379a1b8b"
RECORDED = "e88d2a7462189b5c2604bd7ad1041adadd60f888568e4c506c496be896d547b7"
DERIVED = "14eab4228c5d537566b5a79abf0cce5c42cab8b68674ab4e2e1a79b12a044aee"
ADDRESS_OF, NAME_OF, IS_SEALED, HEAD_OF = "bb34534c", "f5c57382", "631f9852", "65c7d79d"
KINDS = ["NONE", "COLLECT", "CLEAN", "TRANSFORM", "JOIN", "ANONYMIZE", "TRAIN", "INFER"]
KINDS += ["SECURE_COMPUTE", "APPLY", "DELETE"]
number_of = int.from_bytes  # big-endian by default since Python 3.11


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
        names = (name.ljust(32, b"\0") for name in (b"History", b"Datasets", b"Lineage"))
        modules = ("0x" + self.call(self.directory, ADDRESS_OF, name)[-40:] for name in names)
        self.history, self.datasets, self.lineage = modules

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
        answer = self.ask("eth_call", call, {"blockHash": self.block})
        if not raw(answer):
            raise ValueError(f"there is no such contract of a ledger at {to}")
        return answer

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
    """Return address, topics, words and block of all logs of a dataset, by its head on chain."""
    wanted, found = subject(dataset), []
    head = sha256(b"\x11", node.chain_id.to_bytes(32, "big"), raw(node.history), wanted)
    for log in node.logs(wanted):
        topics, data = [raw(topic) for topic in log["topics"]], raw(log["data"])
        address, block = log["address"].lower(), int(log["blockNumber"], 16)
        place = block.to_bytes(8, "big") + raw(address)
        head = sha256(b"\x12", head, sha256(b"\x10", place, bytes([len(topics)]), *topics, data))
        words = [data[at : at + 32] for at in range(0, len(data), 32)]
        found.append((address, topics, words, block))
    if head != raw(node.call(node.history, HEAD_OF, wanted)):
        raise Failed(f"the logs of dataset {dataset} do not fold to its head: some are missing")
    print(f"complete: {len(found)} logs of dataset {dataset} fold to its head {head.hex()}")
    return found


class Dataset:
    """What the complete history of a dataset says of its versions."""

    def __init__(self, node, dataset):
        self.id, self.versions, self.activities, self.inputs = dataset, {}, {}, {}
        for address, topics, words, block in checked_logs(node, dataset):
            mine, kind = topics[1] == subject(dataset), (address, topics[0].hex())
            if kind in ((node.datasets, REGISTERED), (node.datasets, PUBLISHED)) and mine:
                first = topics[0].hex() == REGISTERED
                number = 1 if first else number_of(words[0])
                root, manifest = words[2:4] if first else words[1:3]
                self.versions[number] = {
                    **{"root": root, "manifest": manifest, "publisher": number_of(topics[2][24:])},
                    **{"published": node.time(block), "withdrawn": None},
                }
            elif kind == (node.datasets, WITHDRAWN) and mine:
                self.versions[number_of(words[0])]["withdrawn"] = node.time(block)
            elif kind == (node.lineage, RECORDED) and mine:
                self._activity(node, topics, words, block)
            elif kind == (node.lineage, DERIVED) and topics[2] == subject(dataset):
                source = (number_of(topics[1][24:]), number_of(words[1]))
                grant = number_of(topics[3][24:])
                self.inputs.setdefault(number_of(words[0]), []).append((source, grant))

    def _activity(self, node, topics, words, block):
        party, agent = (number_of(topic[24:]) for topic in topics[2:4])
        places = {"id": 0, "version": 1, "start": 3, "end": 4, "ceiling": 13, "supersedes": 15}
        found = {
            **{name: number_of(words[at]) for name, at in places.items()},
            **{"kind": KINDS[number_of(words[2])], "taint": bool(number_of(words[14]))},
            "hashes": dict(zip(("code", "parameters", "environment"), words[5:8], strict=True)),
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
    found, trouble = [], []
    for folder, below, names in os.walk(path, onerror=trouble.append):
        for full in (os.path.join(folder, name) for name in names + below):
            if not os.path.isdir(full) or os.path.islink(full):
                inside = os.path.relpath(full, path).replace(os.sep, "/")
                found.append((unicodedata.normalize("NFC", inside), full))
    if trouble:
        raise trouble[0]
    return sorted(found, key=lambda pair: pair[0].encode())


def ignored(path, patterns):
    """Return whether a pattern fits a path or a folder above it (docs/formats.md, section 3)."""
    parts = path.split("/")
    heads = [parts[:end] for end in range(1, len(parts) + 1)]
    pairs = [(h if "/" in one else h[-1:], one.split("/")) for h in heads for one in patterns]
    return any(len(a) == len(b) and all(map(fnmatchcase, a, b)) for a, b in pairs)


def entry(path, full):
    """Return the line of a file in a manifest with SHA-256 (docs/formats.md, section 3)."""
    if os.path.islink(full) or not os.path.isfile(full):
        raise Failed(f"{path!r} is no regular file")
    with open(full, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return line({"digests": {"sha256": digest}, "path": path, "size": file.tell()})


def line(fields):
    """Return canonical JSON (RFC 8785) of texts and integers."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def tree(hashes):
    """Return the RFC 9162 tree hash of leaf hashes."""
    while len(hashes) > 1:
        pairs, odd = zip(hashes[::2], hashes[1::2], strict=False), hashes[len(hashes) & -2 :]
        hashes = [sha256(b"\x01", *pair) for pair in pairs] + odd
    return hashes[0]


def root_of(path):
    """Return the root of the files at a path, or of a manifest and the files beside it."""
    if path.endswith(".manifest"):
        with open(path, "rb") as file:
            header, *entries = file.read().split(b"\n")[:-1]
        patterns, listed = json.loads(header)["ignore"], [json.loads(one) for one in entries]
        files = files_of(path.removesuffix(".manifest"))
        files = [pair for pair in files if not ignored(pair[0], patterns)]
        names, wanted = [name for name, _ in files], [one["path"] for one in listed]
        if missing := set(wanted) - set(names):
            raise ValueError(f"{min(missing)!r}, which {path} lists, is missing")
        if names != wanted:
            raise Failed(f"{path} does not list these files alone: {set(names) - set(wanted)}")
        for one, pair in zip(listed, files, strict=True):
            digests = {"sha256": one["digests"]["sha256"]}
            if line({"digests": digests, "path": one["path"], "size": one["size"]}) != entry(*pair):
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

    def say(kind, name=None, **said):
        key = name or f"_:id{sum(map(len, found.values()))}"
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
        say("specializationOf", prov_specificEntity=name, prov_generalEntity=f"dataset:{dataset}")
        say("wasAttributedTo", prov_entity=name, prov_agent=f"party:{facts['publisher']}")
        if facts["withdrawn"] is not None:
            say("wasInvalidatedBy", prov_entity=name, prov_time=moment(facts["withdrawn"]))
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
    times = {"prov_startTime": moment(act["start"]), "prov_endTime": moment(act["end"])}
    facts = {"dpl_homeTaint": act["taint"], "dpl_block": act["block"], **times, **hashes}
    say(
        *("activity", me),
        prov_type=named("dpl", act["kind"]),
        dpl_recordedAt={"$": moment(act["recorded"]), "type": "xsd:dateTime"},
        dpl_ceiling=named("policy", act["ceiling"]) if act["ceiling"] else None,
        dpl_supersededOutput=None if standing else named(*made.split(":")),
        **facts,
    )
    for place, ((source, number), grant) in enumerate(dataset.inputs.get(act["id"], [])):
        used = f"version:{source}.{number}"
        under = named("grant", grant) if grant else None
        say("used", prov_activity=me, prov_entity=used, dpl_position=place, dpl_grant=under)
        if standing:
            say("wasDerivedFrom", prov_generatedEntity=made, prov_usedEntity=used, prov_activity=me)
    if standing:
        say("wasGeneratedBy", prov_entity=made, prov_activity=me)
    agent, party = (f"party:{act[word]}" for word in ("agent", "party"))
    say("wasAssociatedWith", prov_activity=me, prov_agent=agent)
    if agent != party:
        say("actedOnBehalfOf", prov_delegate=agent, prov_responsible=party, prov_activity=me)
    if act["supersedes"]:
        pair = {"prov_influencee": me, "prov_influencer": f"activity:{act['supersedes']}"}
        say("wasInfluencedBy", **pair, prov_type=named("dpl", "Supersession"))


def parse(text):
    """Return dataset and number of a version such as 3.1."""
    return tuple(map(int, text.split(".")))


def main(url, directory, start, *more):
    """Audit a version; return the exit code."""
    target = None
    if "--prov" in more:
        at = more.index("--prov")
        target, more = more[at + 1], more[:at] + more[at + 2 :]
    paths = {parse(name): path for name, _, path in (word.partition("=") for word in more)}
    if len(paths) < len(more):
        raise ValueError("a version is named twice")
    node = Node(url, directory)
    datasets, reached, origins = walk(node, parse(start))
    if strangers := paths.keys() - set(reached):
        raise ValueError("not on the way: " + str(sorted(strangers)))
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
    except (OSError, HTTPException, LookupError, RuntimeError, TypeError, ValueError) as error:
        print("not checked:", type(error).__name__, *str(error).split(), file=sys.stderr)
        sys.exit(2)
