"""A dbt project that others wrote, run by its own tool, writes its lineage here unchanged.

    python -m venv .setup/dbt && .setup/dbt/bin/pip install -r tests/pipelines/dbt-requirements.txt
    python tests/pipelines/run_dbt.py --dbt .setup/dbt/bin --project path/to/jaffle_shop_duckdb

Starts a service on a new home, makes a token with ``provenance tokens add``, and runs ``dbt-ol
seed`` and ``dbt-ol run`` in a copy of the project with nothing but ``OPENLINEAGE_URL`` and
``OPENLINEAGE_API_KEY`` added to its environment. Then asks for the graph and compares it with what
dbt itself says in ``target/manifest.json``: every model is a job with its output, and reads
exactly the models and sources that the manifest names (seeds are left out by dbt's integration).
At last every event is proven from its bytes to the log of its batch.

Any dbt project with an adapter in that environment will do; tried with dbt-labs/jaffle_shop_duckdb
(Apache-2.0). Exit code 1 if anything is not as it should be.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from provenance.ledger.anchors import check_offline
from provenance.proofs.batches import BatchProof, parse
from provenance.proofs.bundle_verification import Pins
from provenance.proofs.checkpoint import parse_verifier_key

COMMAND = [sys.executable, "-m", "provenance"]
START_S = 120.0
ANCHOR_S = 120.0


def environment(home: Path, port: int) -> dict[str, str]:
    """What our own commands run in."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE_", "OPENLINEAGE"))}
    return {
        **kept,
        "PROVENANCE_HOME": str(home),
        "PROVENANCE_PORT": str(port),
        "PROVENANCE_ANCHOR_BATCH_AGE_S": "1",
        "ETH_HASH_BACKEND": "pysha3",
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(variables: dict[str, str]) -> Iterator[str]:
    """Run the service until the block ends."""
    url = f"http://127.0.0.1:{variables['PROVENANCE_PORT']}"
    with subprocess.Popen([*COMMAND, "serve"], env=variables) as process:
        try:
            deadline = time.monotonic() + START_S
            while not _answers(url):
                assert process.poll() is None, "the service ended"
                assert time.monotonic() < deadline, "the service did not start in time"
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def run_project(dbt: Path, project: Path, url: str, token: str) -> None:
    """Run a project with its own tool; two variables say where its lineage goes."""
    variables = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE_", "OPENLINEAGE"))},
        "PATH": f"{dbt}{os.pathsep}{os.environ['PATH']}",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "OPENLINEAGE_URL": url,
        "OPENLINEAGE_API_KEY": token,
    }
    for command in ("seed", "run"):
        words = [str(dbt / "dbt-ol"), command, "--profiles-dir", "."]
        subprocess.run(words, cwd=project, env=variables, check=True)


def expected_inputs(manifest: dict[str, Any]) -> dict[str, set[str]]:
    """What each model reads, by relation, as dbt says."""
    nodes = {**manifest["nodes"], **manifest["sources"]}

    def relation(node: dict[str, Any]) -> str:
        name = node.get("alias") or node.get("identifier") or node["name"]
        return ".".join((node["database"], node["schema"], name))

    return {
        relation(node): {
            relation(nodes[parent])
            for parent in node["depends_on"]["nodes"]
            if nodes[parent]["resource_type"] != "seed"
        }
        for node in nodes.values()
        if node["resource_type"] == "model"
    }


class Graph:
    """Questions to the service."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def get(self, path: str, **query: Any) -> Any:
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def bytes_of(self, digest: str) -> bytes:
        return self._client.get(f"/v1/openlineage/events/{digest}").content

    def proof(self, digest: str) -> BatchProof | None:
        answer = self._client.get(f"/v1/records/{digest}/proof")
        found = parse(answer.content) if answer.status_code == 200 else None
        return None if found is None or found.anchor is None else found

    def pins(self) -> Pins:
        return Pins(keys=(parse_verifier_key(self.get("/v1/checkpoint")["verifier_key"]),))

    def inputs(self, node: str) -> set[str]:
        """Names of the datasets that the job which writes a dataset reads."""
        found = self.get(
            "/v1/openlineage/graph", node=node, depth=2, direction="upstream", limit=1000
        )
        assert not found["truncated"]
        return {item["name"] for item in found["nodes"] if item["distance"] == 2}


def check_graph(graph: Graph, expected: dict[str, set[str]]) -> list[str]:
    """Compare the graph with the manifest; return the runs."""
    jobs = graph.get("/v1/jobs", limit=500)["items"]
    run_ids: list[str] = []
    written: dict[str, str] = {}
    for job in jobs:
        runs = graph.get("/v1/runs", job=job["node"])["items"]
        run_ids += [run["run_id"] for run in runs]
        for run in runs:
            assert run["state"] == "COMPLETE", run
            for output in graph.get(f"/v1/runs/{run['run_id']}")["outputs"]:
                written[output["name"]] = output["node"]
    assert set(written) == set(expected), f"expected {sorted(expected)}, found {sorted(written)}"
    for name, node in written.items():
        found = graph.inputs(node)
        assert found == expected[name], f"{name}: expected {expected[name]}, found {found}"
        print(f"  {name} reads {', '.join(sorted(found)) or 'no model'}")
    return run_ids


def check_proofs(graph: Graph, run_ids: list[str]) -> int:
    """Prove every event of every run from its bytes; return how many there are."""
    events = {
        event["digest"] for run_id in run_ids for event in graph.get(f"/v1/runs/{run_id}")["events"]
    }
    deadline, pins = time.monotonic() + ANCHOR_S, graph.pins()
    for digest in events:
        while (proof := graph.proof(digest)) is None:
            assert time.monotonic() < deadline, "an event was not anchored in time"
            time.sleep(0.2)
        verdict = check_offline(proof, graph.bytes_of(digest), pins, None)
        assert not verdict.failed, verdict
    return len(events)


def main(words: list[str] | None = None) -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dbt", type=Path, required=True, help="folder with dbt-ol")
    parser.add_argument("--project", type=Path, required=True, help="folder with dbt_project.yml")
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="provenance-dbt-") as folder:
        top = Path(folder)
        variables = environment(top / "home", free_port())
        subprocess.run([*COMMAND, "init"], env=variables, check=True, stdout=subprocess.DEVNULL)
        made = subprocess.run(
            [*COMMAND, "--json", "tokens", "add", "founder"],
            env=variables,
            check=True,
            capture_output=True,
        )
        token = json.loads(made.stdout)["token"]
        project = shutil.copytree(chosen.project, top / "project")
        with serving(variables) as url:
            run_project(chosen.dbt.absolute(), project, url, token)
            manifest = json.loads((project / "target" / "manifest.json").read_text())
            graph = Graph(url, token)
            runs = check_graph(graph, expected_inputs(manifest))
            count = check_proofs(graph, runs)
    print(f"{len(runs)} runs, {count} events: the graph is dbt's own, every event is proven")
    return 0


if __name__ == "__main__":
    sys.exit(main())
