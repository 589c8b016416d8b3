// Entries: the line of a file in a manifest, read as docs/formats.md (Manifest) has it.
//
// Promises: a line that two readers could read in two ways is no entry. Must never do I/O, nor know
// what a proof is: that is proofs.js.

import { equal, fromHex, need, utf8 } from "./tries.js";

const ALGORITHMS = ["blake3", "sha256", "sm3"];
const MAX_PATH_BYTES = 4096;
const NO_PATH = /(?:^|\/)\.{0,2}(?:\/|$)|\0/;
// with the flag u, half of a surrogate pair matches only where the other half is missing
const LONE_SURROGATE = /[\ud800-\udfff]/u;
// characters younger than Unicode 14.0, which paths are normalised by, whatever this engine knows
const INERT = new RegExp(
  "[\\u05c8-\\u05c9\\u0897\\u1acf-\\u1af0\\u{105c9}\\u{105d2}\\u{105da}\\u{105e4}" +
    "\\u{10d69}-\\u{10d6d}\\u{10ecb}-\\u{10ecf}\\u{10ef0}-\\u{10efb}\\u{10efd}-\\u{10eff}" +
    "\\u{11382}-\\u{11385}\\u{1138b}\\u{1138e}\\u{11390}-\\u{11391}\\u{113b8}\\u{113bb}" +
    "\\u{113c2}\\u{113c5}\\u{113c7}-\\u{113c9}\\u{113ce}-\\u{113d0}\\u{11f41}-\\u{11f42}" +
    "\\u{1611e}-\\u{16129}\\u{1612f}\\u{16d63}\\u{16d67}-\\u{16d6a}\\u{1d127}-\\u{1d128}" +
    "\\u{1d250}-\\u{1d252}\\u{1d25b}-\\u{1d25c}\\u{1d25f}\\u{1d280}-\\u{1d281}\\u{1e08f}" +
    "\\u{1e4ec}-\\u{1e4ef}\\u{1e5ee}-\\u{1e5ef}\\u{1e6e3}\\u{1e6e6}\\u{1e6ee}-\\u{1e6ef}" +
    "\\u{1e6f5}]",
  "u",
);

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** RFC 8785 JSON; keys of bundles are ASCII. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

function checkPath(path) {
  need(typeof path === "string" && !LONE_SURROGATE.test(path), "an entry has no path");
  need(utf8(path).length <= MAX_PATH_BYTES, "an entry has a path that is too long");
  const shown = JSON.stringify(path);
  need(path === "." || !NO_PATH.test(path), `an entry has a path that is none: ${shown}`);
  const normal = path.split(INERT).every((part) => part.normalize("NFC") === part);
  need(normal, `the path of an entry is not in normalisation form C: ${shown}`);
}

/** Read an entry line; return its digests, path, size and, in a private manifest, salt. */
export function readEntry(line) {
  const entry = JSON.parse(line);
  need(isObject(entry), "an entry is no object");
  const { digests, path, salt, size } = entry;
  const names = "salt" in entry ? ["digests", "path", "salt", "size"] : ["digests", "path", "size"];
  need(equal(Object.keys(entry).sort(), names), "an entry has other fields");
  need(isObject(digests) && Object.keys(digests).length, "an entry has no digests");
  for (const [name, digest] of Object.entries(digests)) {
    need(ALGORITHMS.includes(name), `an entry has other digests: ${JSON.stringify(name)}`);
    fromHex(digest, 32);
  }
  if ("salt" in entry) fromHex(salt, 16);
  need(Number.isSafeInteger(size) && size >= 0, "an entry has no size");
  checkPath(path);
  need(canonical(entry) === line, "an entry is not written as RFC 8785 says");
  return entry;
}
