// Reads lines from standard input (a JSON list of texts) and writes for each whether the browser's
// modules take it for an entry. Run by test_proofs.py.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { readEntry } = await import(pathToFileURL(process.argv[2]));
const isEntry = (line) => {
  try {
    return Boolean(readEntry(line));
  } catch {
    return false;
  }
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(isEntry)));
