#!/usr/bin/env node
// The pinned compiler behind the command line that build tools expect of native solc.
//
// Promises: `--version` answers in solc's own format, and anything else compiles the standard JSON on standard input
// and prints nothing but the result. Sources must be in that JSON: it never reads a file and never opens a connection,
// so options about paths (`--allow-paths`, `--base-path`, `--include-path`) have nothing to act on and are accepted.
"use strict";

function main(options) {
  const solc = require("solc");
  if (options.includes("--version")) {
    process.stdout.write(
      "solc, the solidity compiler commandline interface\n" + `Version: ${solc.version()}\n`,
    );
    return;
  }
  if (!options.includes("--standard-json")) {
    process.stderr.write(
      `solc.js: expected --standard-json or --version, found: ${options.join(" ") || "nothing"}\n`,
    );
    process.exitCode = 2;
    return;
  }
  process.stdout.write(solc.compile(require("fs").readFileSync(0, "utf8")) + "\n");
}

main(process.argv.slice(2));
