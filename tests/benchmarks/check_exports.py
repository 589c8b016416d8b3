"""Exports before the tools themselves: each must accept ours, and make the same of the same files.

    python tests/benchmarks/check_exports.py --peers DIR

DIR is the ``bin`` folder of an environment that has ``model-signing``, which brings
``in-toto-attestation`` along; it is too heavy for our own. Prints one line for each tool; exit
code 1 if one refuses.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

READ_IN_TOTO = """
import json, sys
from google.protobuf import json_format
from in_toto_attestation.v1 import statement, statement_pb2
found = json_format.ParseDict(json.load(sys.stdin), statement_pb2.Statement())
statement.Statement.copy_from_pb(found).validate()
"""
READ_MODEL_SIGNING = """
import json, sys
from model_signing import hashing
from model_signing._signing import signing
assert signing.dsse_payload_to_manifest(json.load(sys.stdin)) == hashing.hash(sys.argv[1])
"""


def exported(folder: Path, kind: str) -> bytes:
    """Return what our command prints."""
    words = [sys.executable, "-m", "provenance", "hash", str(folder), "--export", kind]
    return subprocess.run(words, check=True, capture_output=True).stdout


def main() -> int:
    """Check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, required=True)
    python = str(parser.parse_args().peers / "python")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "data"
        for name in ("a", "b/c d", "b.c", "é"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(os.urandom(1000))
        os.environ["XDG_CACHE_HOME"] = made
        checks = {
            "sha256sum": ["sha256sum", "-c", "--strict", "-"],
            "in-toto": [python, "-c", READ_IN_TOTO],
            "model-signing": [python, "-c", READ_MODEL_SIGNING, str(folder)],
        }
        failed = 0
        for kind, words in checks.items():
            given = exported(folder, kind)
            done = subprocess.run(words, input=given, cwd=folder, capture_output=True, check=False)
            print(f"{kind:14}", "accepted" if done.returncode == 0 else done.stderr.decode())
            failed |= done.returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
