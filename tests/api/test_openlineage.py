"""OpenLineage through the door that its clients know: the real client against a real service."""

import pytest
from openlineage.client import OpenLineageClient, set_producer
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.uuid import generate_new_uuid

set_producer("https://example.org/pipelines/1.0")


@pytest.fixture
def client(service, monkeypatch):
    """The client as a pipeline makes it: two variables and nothing else."""
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{service.settings.port}")
    monkeypatch.setenv("OPENLINEAGE_API_KEY", service.tokens["alice"])
    return OpenLineageClient()


def test_it(client, service):
    run = Run(runId=str(generate_new_uuid()))
    job = Job(namespace="ns", name="job")
    for state in (RunState.START, RunState.COMPLETE):
        client.emit(RunEvent(eventTime="2026-01-01T00:00:00Z", run=run, job=job, eventType=state, inputs=[InputDataset(namespace="db://h", name="a")], outputs=[OutputDataset(namespace="db://h", name="b")]))
    answer = service.client.get(f"/v1/runs/{run.runId}", headers=service.bearer())
    print(answer.text)
    answer = service.client.get("/v1/openlineage/graph", params={"node": "dataset:db://h:a"}, headers=service.bearer())
    print(answer.text)
    answer = service.client.get("/v1/openlineage/graph", params={"node": f"run:{run.runId}"}, headers=service.bearer())
    print(answer.text)
    print(service.client.get(f"/v1/openlineage/runs/{run.runId}", headers=service.bearer()).text)
    print(service.client.get("/v1/openlineage/datasets?node=dataset:db://h:a", headers=service.bearer()).text)
    print(service.client.get("/v1/jobs", headers=service.bearer()).text)
    print(service.client.get("/v1/runs?job=job:ns:job", headers=service.bearer()).text)
    print(service.client.get("/v1/jobs").text)
