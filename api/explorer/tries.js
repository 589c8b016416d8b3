// What Ethereum blocks are made of: bytes, Keccak-256, RLP, Merkle-Patricia tries, headers.
//
// Promises: only canonical encodings are taken, so that no byte can change unnoticed. Must never do
// I/O, nor know what a bundle is: that is proofs.js.

/** Something in a bundle is false, damaged or orphaned. */
export class Failed extends Error {}

const P64 = (1n << 64n) - 1n;
export const utf8 = (text) => new TextEncoder().encode(text);
export const zeros = (size) => new Uint8Array(size);
export const byte = (...values) => Uint8Array.from(values);
export const need = (condition, message) => {
  if (!condition) throw new Failed(message);
};

/** Join byte arrays. */
export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let end = 0;
  for (const part of parts) joined.set(part, (end += part.length) - part.length);
  return joined;
}

/** Bytes as lower-case hexadecimal. */
export const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** Lower-case hexadecimal, of `size` bytes if given, as bytes. */
export function fromHex(text, size = null, prefix = "") {
  need(typeof text === "string" && text.startsWith(prefix), "expected hexadecimal");
  const digits = text.slice(prefix.length);
  need(/^(?:[0-9a-f]{2})*$/.test(digits), "expected lower-case hexadecimal");
  need(size === null || digits.length === 2 * size, `expected ${size} bytes of hexadecimal`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const fromBase64 = (text) => {
  const found = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  need(btoa(String.fromCharCode(...found)) === text, "base64 is not canonical");
  return found;
};
export const equal = (a, b) => a.length === b.length && a.every((value, index) => value === b[index]);
export const number = (bytes) => BigInt("0x0" + toHex(bytes));
export const bytesOf = (value, size) => fromHex(BigInt(value).toString(16).padStart(2 * size, "0"), size);

function permute(a) {
  // Keccak-f[1600] (FIPS 202 section 3.3); round constants come from the shift register of 3.2.5
  const turn = (lane, by) => ((lane << by) | (lane >> (64n - by))) & P64;
  let register = 1;
  for (let round = 0; round < 24; round++) {
    const c = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
    for (let i = 0; i < 25; i++) a[i] ^= c[(i + 4) % 5] ^ turn(c[(i + 1) % 5], 1n);
    let [at, moved] = [1, a[1]];
    for (let step = 0, x = 1, y = 0; step < 24; step++) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      at = x + 5 * y;
      [a[at], moved] = [turn(moved, BigInt((((step + 1) * (step + 2)) / 2) % 64)), a[at]];
    }
    for (let y = 0; y < 25; y += 5) {
      const row = a.slice(y, y + 5);
      for (let x = 0; x < 5; x++) a[y + x] = row[x] ^ (~row[(x + 1) % 5] & P64 & row[(x + 2) % 5]);
    }
    for (let bit = 0; bit < 7; bit++) {
      if (register & 1) a[0] ^= 1n << BigInt(2 ** bit - 1);
      register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    }
  }
}

/** Keccak-256 with the padding of 2011, as Ethereum has it. */
export function keccak256(data) {
  const padded = concat(data, byte(1), zeros((135 - (data.length % 136)) % 136));
  padded[padded.length - 1] |= 0x80;
  const state = new Array(25).fill(0n);
  const view = new DataView(padded.buffer);
  for (let start = 0; start < padded.length; start += 136) {
    for (let i = 0; i < 17; i++) state[i] ^= view.getBigUint64(start + 8 * i, true);
    permute(state);
  }
  const hash = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 4; i++) hash.setBigUint64(8 * i, state[i], true);
  return new Uint8Array(hash.buffer);
}

/** The first RLP item of some bytes and the rest; only its canonical form is taken. */
export function rlp(data, depth = 0) {
  need(data.length > 0 && depth < 16, "RLP ends too early");
  if (data[0] < 0x80) return [data.slice(0, 1), data.slice(1)];
  const offset = data[0] >= 0xc0 ? 0xc0 : 0x80;
  let [size, begin] = [data[0] - offset, 1];
  if (size > 55) {
    begin = size - 54;
    need(data.length >= begin && data[1] > 0 && begin < 6, "RLP length is malformed");
    size = Number(number(data.slice(1, begin)));
    need(size > 55, "RLP length is not the shortest");
  }
  need(begin + size <= data.length, "RLP ends too early");
  let body = data.slice(begin, begin + size);
  const rest = data.slice(begin + size);
  if (offset === 0x80) {
    need(size !== 1 || body[0] >= 0x80, "RLP byte has a header");
    return [body, rest];
  }
  const items = [];
  while (body.length) {
    const [item, left] = rlp(body, depth + 1);
    items.push(item);
    body = left;
  }
  return [items, rest];
}

export function rlpList(data, ...lengths) {
  const [item, rest] = rlp(data);
  need(!rest.length && Array.isArray(item) && lengths.includes(item.length), "RLP is no such list");
  return item;
}

export const integer = (item) => {
  need(item instanceof Uint8Array && item[0] !== 0, "RLP integer is malformed");
  return number(item);
};

/** The value that a Merkle-Patricia proof shows a key to have; every node has to be used. */
export function trieValue(root, path, nodes) {
  const nibbles = (data) => Array.from(data).flatMap((b) => [b >> 4, b & 15]);
  const left = [...nodes];
  let [key, name, node] = [nibbles(path), root, null];
  for (;;) {
    if (name !== null) {
      need(left.length && equal(keccak256(left[0]), name), "a trie node is not the one named");
      node = rlpList(left.shift(), 2, 17);
    }
    need(Array.isArray(node) && [2, 17].includes(node.length), "a trie node is malformed");
    let below;
    if (node.length === 17) {
      below = key.length ? node[key[0]] : node[16];
      key = key.length ? key.slice(1) : null;
    } else {
      need(node[0] instanceof Uint8Array && node[0].length, "a trie path is malformed");
      let part = nibbles(node[0]);
      const flag = part[0];
      need(flag < 4 && (flag & 1 || part[1] === 0), "a trie path is malformed");
      part = part.slice(flag & 1 ? 1 : 2);
      need(equal(key.slice(0, part.length), part), "a trie leads elsewhere");
      need(flag > 1 ? key.length === part.length : part.length, "a trie leads elsewhere");
      below = node[1];
      key = flag > 1 ? null : key.slice(part.length);
    }
    if (key === null) {
      need(below instanceof Uint8Array && below.length && !left.length, "a trie shows no value");
      return below;
    }
    [name, node] = below instanceof Uint8Array ? [below, null] : [null, below];
    need(name === null || name.length === 32, "a trie shows no value");
  }
}

/** What is needed of a block header. */
export function block(encoded) {
  const f = rlpList(encoded, ...Array.from({ length: 26 }, (_, i) => i + 15));
  need(f.every((field) => field instanceof Uint8Array), "a block header is malformed");
  need([0, 3, 5].every((i) => f[i].length === 32), "a block header is malformed");
  const [at, time] = [integer(f[8]), integer(f[11])];
  return { hash: keccak256(encoded), parent: f[0], state: f[3], receipts: f[5], number: at, time };
}
