"""How long a lone command takes, beside what any script pays that begins with ``import web3``.

Prints wall seconds (median of the runs, in turn) and the ratio. Needs a quiet machine::

    python tests/benchmarks/bench_command.py
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 5
PROVENANCE = [sys.executable, "-m", "provenance"]
PEER = [sys.executable, "-c", "import web3"]


def wall_s(command, environment):
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def main():
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PROVENANCE_HOME": str(Path(folder) / "home")}
        data = Path(folder) / "data"
        data.mkdir()
        (data / "a.txt").write_text("a")
        wall_s([*PROVENANCE, "init"], environment)
        commands = {
            "hash": ["hash", data],
            "datasets register": ["datasets", "register", data, "--title", "A"],
            "verify": ["verify", data, "--dataset", "1"],
            "history --check": ["history", "1", "--check"],
        }
        for name, words in commands.items():
            ours, peers = [], []
            for _ in range(RUNS):
                ours.append(wall_s([*PROVENANCE, *map(str, words)], environment))
                peers.append(wall_s(PEER, environment))
            mine, peer = statistics.median(ours), statistics.median(peers)
            ratio = mine / peer
            print(f"{name:<20} {mine:6.2f} s   import web3 {peer:6.2f} s   ratio {ratio:5.2f}")


if __name__ == "__main__":
    main()
