// Proofs, checked where the reader is: inclusion, histories and whole bundles (docs/formats.md).
//
// Promises: no answer of a server is believed that a hash can contradict; what was not checked is
// named. Needs nothing but WebCrypto. Must never talk to a server: who calls brings the bytes.

import { canonical, readEntry } from "./entries.js";
import {
  Failed,
  block,
  byte,
  bytesOf,
  concat,
  equal,
  fromBase64,
  fromHex,
  integer,
  keccak256,
  need,
  number,
  rlp,
  rlpList,
  toHex,
  trieValue,
  utf8,
  zeros,
} from "./tries.js";

export { Failed, canonical, fromHex, keccak256, readEntry, toHex };

const CONTENT = "(bytes32,bytes32,bytes32,uint64,bytes32)";
const EVENTS = {
  register: [`DatasetRegistered(bytes32,bytes32,uint96,bytes32,${CONTENT},uint48)`, 8],
  publish: [`VersionPublished(bytes32,bytes32,uint32,${CONTENT},uint48)`, 7],
  withdraw: ["VersionWithdrawn(bytes32,bytes32,uint32,bytes32)", 2],
  deregister: ["DatasetDeregistered(bytes32,bytes32,bytes32)", 1],
  accept: ["TransferAccepted(bytes32,bytes32,bytes32,uint64,uint48)", 2],
  place: ["HoldPlaced(bytes32,bytes32,uint64,uint8,uint16,uint48,bytes32)", 5],
  erase: ["EntryErased(bytes32,bytes32,uint32,uint64,bytes32)", 3],
  lift: ["HoldLifted(bytes32,bytes32,uint64,bytes32)", 2],
};
// those with a star are lists
const FIELDS = {
  bundle:
    "anchors* chain_id checkpoints* dataset_id format heads history* history_address holders* " +
    "inclusion receipt state status version",
  heads: "account* dataset* header ledger*",
  receipt: "event header links* log_index nodes* transaction_index",
  inclusion: "count entry format header_hash index path* root",
  log: "address block_number data topics*",
  checkpoint: "keys* note",
  anchor: "kind proof sha256",
};
const NEVER_CHECKED = [
  "one operator: rewriting not excluded, unless someone else saw the same checkpoint",
  "the code of the contracts, and who the parties behind the numbers are",
  "that the registrant was right: a registration is evidence of a claim, not of its truth",
  "grants: they have histories of their own",
];
const NOTE = new RegExp(
  "^(provenance-ledger/(\\d+)/(0x[0-9a-f]{40})\\n(\\d+)\\n([A-Za-z0-9+/]{43}=)\\n" +
    "chain \\2\\nhistory \\3\\nblock-hash 0x([0-9a-f]{64})\\n)" +
    "\\n((?:\\u2014 [^\\s+]+ [A-Za-z0-9+/]+={0,2}\\n)+)$",
);

/** SHA-256 of the parts joined. */
export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

function shaped(fields, kind) {
  const marked = FIELDS[kind].split(" ");
  const names = marked.map((name) => name.replace("*", ""));
  const isObject = fields !== null && typeof fields === "object" && !Array.isArray(fields);
  need(isObject && equal(Object.keys(fields).sort(), names), `the ${kind} has other fields`);
  for (const value of Object.values(fields)) {
    if (typeof value === "number") need(Number.isSafeInteger(value) && value >= 0, "bad integer");
    need(typeof value !== "boolean", "expected no truth value");
  }
  for (const name of names.filter((_, index) => marked[index].endsWith("*"))) {
    const isAbsent = name === "links" && fields.links === null;
    need(Array.isArray(fields[name]) || isAbsent, `${name} is no list`);
  }
  return fields;
}

/** Compute the root that an inclusion proof leads to (RFC 9162 section 2.1.3.2). */
export async function inclusionRoot(proof) {
  need([proof.index, proof.count].every(Number.isSafeInteger), "expected integers");
  need(proof.format === "provenance-inclusion/1", "unknown form of inclusion");
  need(typeof proof.entry === "string" && proof.entry.isWellFormed?.() !== false, "bad entry");
  let node = await sha256(byte(0), utf8(proof.entry));
  let [index, last] = [BigInt(proof.index), BigInt(proof.count) - 1n];
  need(index >= 0n && index <= last && Array.isArray(proof.path), "the index is out of range");
  const path = proof.path.map((sibling) => fromHex(sibling, 32));
  for (; last > 0n; index >>= 1n, last >>= 1n) {
    if (!(index & 1n) && index >= last) continue;
    need(path.length, "the audit path is too short");
    const sibling = path.shift();
    node = await sha256(byte(1), ...(index & 1n ? [sibling, node] : [node, sibling]));
  }
  need(!path.length, "the audit path is too long");
  return sha256(byte(2), bytesOf(proof.count, 8), fromHex(proof.header_hash, 32), node);
}

/** Fold raw logs; return the head of their subject. */
export async function foldHistory(logs, chainId, historyAddress, subject) {
  const ledger = [bytesOf(chainId, 32), fromHex(historyAddress, 20, "0x")];
  let head = await sha256(byte(0x11), ...ledger, subject);
  let before = 0;
  for (const log of logs) {
    const topics = log.topics.map((topic) => fromHex(topic, 32, "0x"));
    const about = !number(subject) || topics.slice(1).some((topic) => equal(topic, subject));
    need(topics.length < 5 && about, "a log is about something else");
    need(Number.isSafeInteger(log.block_number) && log.block_number >= before, "logs out of order");
    before = log.block_number;
    const place = [bytesOf(before, 8), fromHex(log.address, 20, "0x"), byte(topics.length)];
    const event = await sha256(byte(0x10), ...place, ...topics, fromHex(log.data, null, "0x"));
    head = await sha256(byte(0x12), head, event);
  }
  return head;
}

function readStanding(logs, subject, time) {
  const kinds = Object.entries(EVENTS).map(([kind, [event, words]]) => [
    toHex(keccak256(utf8(event))),
    { kind, words },
  ]);
  const known = new Map(kinds);
  const [units, holds] = [new Map(), new Map()];
  const found = { versions: [null], withdrawn: [], deregistered: false, erased: [] };
  logs.forEach((log, position) => {
    const topics = log.topics.map((topic) => topic.slice(2));
    const event = topics[1] === toHex(subject) ? known.get(topics[0]) : undefined;
    if (!event) return;
    const words = log.data.slice(2).match(/.{64}/g) ?? [];
    need(log.data.length === 2 + 64 * event.words, `log ${position} is not as its event`);
    const value = words.map((word) => BigInt("0x" + word));
    const party = topics.map((topic) => BigInt("0x" + topic.slice(48)));
    const held = (id) => units.get(id) ?? [0n, 0n, 0n];
    if (event.kind === "register") {
      need(found.versions.length === 1, "the dataset is registered twice");
      found.versions.push([words[2], words[3], position]);
      units.set(party[2], [10000n, 10000n, 10000n]);
    } else if (event.kind === "publish") {
      need(value[0] === BigInt(found.versions.length), "versions are not numbered in order");
      found.versions.push([words[1], words[2], position]);
    } else if (event.kind === "withdraw") found.withdrawn.push(Number(value[0]));
    else if (event.kind === "deregister") found.deregistered = true;
    else if (event.kind === "accept") {
      const moved = [0n, 16n, 32n].map((lane) => (value[1] >> lane) & 0xffffn);
      units.set(party[2], held(party[2]).map((had, i) => had - moved[i]));
      need(held(party[2]).every((left) => left >= 0n), "a party gives what it does not hold");
      units.set(party[3], held(party[3]).map((had, i) => had + moved[i]));
    } else if (event.kind === "place") holds.set(value[0], value[3]);
    else if (event.kind === "erase") {
      found.erased.push([value[0], `entry ${value[1]}, tombstone ${words[2]}`]);
    } else holds.delete(value[0]);
  });
  const order = (a, b) => (a < b ? -1 : 1);
  const standing = [...holds.keys()].filter((id) => !holds.get(id) || holds.get(id) >= time);
  found.holds = standing.sort(order).map(Number);
  found.holders = [...units.keys()]
    .filter((id) => units.get(id).some(Boolean))
    .sort(order)
    .map((id) => {
      const [hold, use, operate] = units.get(id).map(Number);
      return { party_id: Number(id), units: { hold, use, operate } };
    });
  return found;
}

async function readKey(text) {
  const [name, keyId, encoded] = [...text.split("+", 2), text.split("+").slice(2).join("+")];
  const material = fromBase64(encoded);
  need(material.length === 33 && material[0] === 1, "expected an Ed25519 key");
  const expected = (await sha256(utf8(name), byte(10), material)).slice(0, 4);
  need(keyId === toHex(expected), "a key has another key id");
  return { name, id: expected, key: material.slice(1) };
}

function readNote(note) {
  const match = NOTE.exec(note);
  need(match, "a checkpoint is malformed");
  const [, text, chain, history, at, head, hash, lines] = match;
  const signatures = lines.trimEnd().split("\n").map((line) => line.split(" ").slice(1));
  const said = { chain_id: Number(chain), history_address: history, number: BigInt(at) };
  const signed = signatures.map(([name, signature]) => [name, fromBase64(signature)]);
  return { ...said, hash: fromHex(hash), head: fromBase64(head), text, signed };
}

async function fitsSignature(key, text, signature) {
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, utf8(text));
}

async function checkNote({ keys, note }) {
  const checkpoint = readNote(note);
  const count = Array.isArray(keys) ? keys.length : 0;
  need(count && count === checkpoint.signed.length, "a checkpoint has other signatures than keys");
  for (const [index, [name, signature]] of checkpoint.signed.entries()) {
    const known = await readKey(keys[index]);
    need(known.name === name && equal(known.id, signature.slice(0, 4)), "a key signed nothing");
    const fits = await fitsSignature(known.key, checkpoint.text, signature.slice(4));
    need(fits, `a signature of ${name} is bad`);
  }
  return checkpoint;
}

function readPins(texts) {
  const [keys, seen] = [[], []];
  for (const text of texts) {
    const { key, note } = text.trimStart().startsWith("{") ? JSON.parse(text) : {};
    if ((note ?? text).includes("\n\n")) seen.push(readNote(note ?? text));
    if (key || !text.includes("\n\n")) keys.push((key ?? text).trim());
  }
  return { keys, seen };
}

class Examination {
  constructor(text, pins) {
    this.passed = [];
    this.notChecked = [];
    this.bundle = shaped(JSON.parse(text), "bundle");
    this.trusted = readPins(pins);
    const { format, state, dataset_id: dataset, chain_id: chain, version } = this.bundle;
    need(canonical(this.bundle) + "\n" === text, "not RFC 8785 JSON and a line feed");
    need(format === "provenance-bundle/1", "expected a provenance-bundle/1");
    need([dataset, chain, version].every(Number.isSafeInteger), "expected integers");
    need(["pending", "safe", "finalized", "orphaned"].includes(state), "unknown state");
    need(state !== "orphaned", "the bundle is orphaned: its block left the chain");
    this.notChecked.push(`finality: ${state}, as whoever made the bundle says`);
    this.subject = concat(byte(2), zeros(23), bytesOf(dataset, 8));
  }

  async heads() {
    const { bundle } = this;
    const { header, ...proofs } = shaped(bundle.heads, "heads");
    const nodes = (name) => proofs[name].map((node) => fromHex(node));
    this.last = block(fromHex(header));
    const address = fromHex(bundle.history_address, 20, "0x");
    const account = trieValue(this.last.state, keccak256(address), nodes("account"));
    const storage = rlpList(account, 4)[2];
    const slot = (key, name) => {
      const [value, rest] = rlp(trieValue(storage, keccak256(key), nodes(name)));
      need(!rest.length, "a storage value is malformed");
      return bytesOf(integer(value), 32);
    };
    const head = slot(keccak256(concat(this.subject, zeros(32))), "dataset");
    this.ledgerHead = slot(bytesOf(1, 32), "ledger");
    const logs = bundle.history.map((log) => shaped(log, "log"));
    const folded = await foldHistory(logs, bundle.chain_id, bundle.history_address, this.subject);
    need(equal(folded, head), "the history is not complete, or was edited");
    need(BigInt(logs.at(-1).block_number) <= this.last.number, "a log is later than the heads");
    const found = readStanding(logs, this.subject, this.last.time);
    const { deregistered, holds, holders, withdrawn, versions } = found;
    const status = { deregistered, holds, withdrawn: withdrawn.includes(bundle.version) };
    const stated = canonical([bundle.holders, bundle.status]);
    need(stated === canonical([holders, status]), "holders or status are not the history's");
    need(versions[bundle.version], "there is no such version");
    this.version = versions[bundle.version];
    this.holders = holders;
    this.passed.push(`history: ${logs.length} logs, complete up to block ${this.last.number}`);
    const erased = found.erased.filter(([version]) => version === BigInt(bundle.version));
    this.passed.push(...erased.map(([, said]) => `erased: ${said}`));
    this.notChecked.push(`what happened after block ${this.last.number}`);
  }

  async entry(measure) {
    const [root, manifestHash] = this.version;
    let [wanted, size] = [{ sha256: manifestHash }, null];
    if (this.bundle.inclusion !== null) {
      const inclusion = shaped(this.bundle.inclusion, "inclusion");
      const found = toHex(await inclusionRoot(inclusion));
      need(found === root && inclusion.root === root, "the root is another");
      const entry = readEntry(inclusion.entry);
      [wanted, size] = [entry.digests, entry.size];
      this.passed.push(`version ${this.bundle.version} contains ${JSON.stringify(entry.path)}`);
    }
    if (!measure) return void this.notChecked.push("content: no file was given");
    const measured = await measure(Object.keys(wanted));
    need(size === null || size === measured.size, `expected a file of ${size} bytes`);
    this.content = false;
    for (const [name, digest] of Object.entries(wanted)) {
      const found = measured.digests[name];
      if (found === undefined) this.notChecked.push(`content: ${name} is not known here`);
      else need(found === digest, `expected ${name} ${digest}, found ${found}`);
      this.content ||= found !== undefined;
    }
    if (this.content) this.passed.push("content: the file has the registered digest");
  }

  receipt() {
    const receipt = shaped(this.bundle.receipt, "receipt");
    need(receipt.event === this.version[2], "the receipt is for another log");
    const log = this.bundle.history[receipt.event];
    const alone = receipt.header === null;
    const first = alone ? this.last : block(fromHex(receipt.header));
    const index = receipt.transaction_index;
    const body = index ? fromHex(index.toString(16).replace(/^(?=(..)*.$)/, "0")) : zeros(0);
    const key = index > 0 && index < 128 ? body : concat(byte(128 + body.length), body);
    const nodes = receipt.nodes.map((node) => fromHex(node));
    const found = trieValue(first.receipts, key, nodes);
    const [status, , , logs] = rlpList(found[0] < 128 ? found.slice(1) : found, 4);
    need(equal(status, [1]) && logs[receipt.log_index], "the receipt has no such log");
    const [address, topics, data] = logs[receipt.log_index];
    const emitted = ["0x" + toHex(address), topics.map((t) => "0x" + toHex(t)), "0x" + toHex(data)];
    const same = canonical(emitted) === canonical([log.address, log.topics, log.data]);
    need(same, "the receipt holds another log");
    need(first.number === BigInt(log.block_number), "the log stands in another block");
    need(alone || first.number < this.last.number, "the block of the log is not earlier");
    this.blocks = [first];
    if (receipt.links === null && !alone) {
      this.blocks.push(this.last);
      return void this.notChecked.push("links: the headers between are too many to show");
    }
    const links = receipt.links.map((link) => block(fromHex(link)));
    need(!alone || !links.length, "headers between one block and itself");
    for (const following of alone ? [] : [...links, this.last]) {
      const before = this.blocks.at(-1);
      const follows = equal(following.parent, before.hash) && following.number === before.number + 1n;
      need(follows, "blocks part");
      this.blocks.push(following);
    }
  }

  async pins() {
    const vouched = new Set();
    for (const fields of this.bundle.checkpoints) {
      const checkpoint = await checkNote(shaped(fields, "checkpoint"));
      need(this.fits(checkpoint), "a checkpoint names no block of the bundle");
      const pinned = fields.keys.some((key) => this.trusted.keys.includes(key));
      if (pinned) vouched.add(toHex(checkpoint.hash));
    }
    for (const checkpoint of this.trusted.seen) {
      if (this.fits(checkpoint)) vouched.add(toHex(checkpoint.hash));
    }
    for (const anchor of this.bundle.anchors.map((fields) => shaped(fields, "anchor"))) {
      need(["rfc3161", "opentimestamps"].includes(anchor.kind), "unknown kind of anchor");
      const digest = toHex(await sha256(fromBase64(anchor.proof)));
      need(digest === anchor.sha256, "an anchor is damaged");
      this.notChecked.push(`the ${anchor.kind} time stamp`);
    }
    this.vouched = vouched.has(toHex(this.last.hash));
    if (this.bundle.receipt.links === null && !vouched.has(toHex(this.blocks[0].hash)))
      this.notChecked.push("receipt: no pin vouches for the block of the log");
    else this.passed.push(`receipt: its log stands in block ${this.blocks[0].number}`);
    if (this.vouched) this.passed.push(`block ${this.last.number}: a pin vouches for it`);
    else this.notChecked.unshift("no pin vouches for the block: anyone can make up a chain");
  }

  fits(checkpoint) {
    const { chain_id: chain, history_address: history } = this.bundle;
    const ours = checkpoint.chain_id === chain && checkpoint.history_address === history;
    need(ours, "a checkpoint is of another ledger");
    const named = this.blocks.filter((known) => known.number === checkpoint.number);
    const agreed = named.every((known) => equal(known.hash, checkpoint.hash));
    need(agreed, "a checkpoint shows another chain");
    const heads = named.length && equal(checkpoint.hash, this.last.hash);
    need(!heads || equal(checkpoint.head, this.ledgerHead), "another ledger head");
    return named.length > 0;
  }
}

/**
 * Check a bundle.
 *
 * @param {Uint8Array} bytes the file.
 * @param {string[]} pins verifier keys, checkpoint notes or pin files that the reader trusts.
 * @param {?function(string[])} measure returns size and digests (hexadecimal by name) of the file in
 *   hand, by those algorithms that it knows; null if there is no file.
 * @returns status "passed", "failed" or "not_checked", and what was and was not checked.
 */
export async function verifyBundle(bytes, pins, measure = null) {
  let [found, failed] = [null, []];
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    found = new Examination(text, pins);
    await found.heads();
    await found.entry(measure);
    found.receipt();
    await found.pins();
  } catch (error) {
    // whatever a hostile file breaks, it is the file that is wrong
    failed = [String(error.message)];
  }
  const sure = found?.vouched && found.content !== false;
  const status = failed.length ? "failed" : sure ? "passed" : "not_checked";
  const notChecked = [...(found?.notChecked ?? []), ...NEVER_CHECKED];
  return { status, passed: found?.passed ?? [], failed, notChecked, holders: found?.holders };
}
