// Reads vectors from standard input (a JSON list), checks each with api/explorer/proofs.js, and
// writes the verdicts. Run by test_proofs.py.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const proofs = await import(pathToFileURL(process.argv[2]));
const vectors = JSON.parse(readFileSync(0, "utf-8"));
const verdicts = [];
for (const vector of vectors) {
  const file = proofs.fromHex(vector.file);
  const measure = async (names) => ({
    size: file.length,
    digests: names.includes("sha256") ? { sha256: proofs.toHex(await proofs.sha256(file)) } : {},
  });
  verdicts.push(await proofs.verifyBundle(new TextEncoder().encode(vector.bundle), vector.pins, measure));
}
process.stdout.write(JSON.stringify(verdicts));
