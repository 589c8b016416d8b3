"""Stores that tests read: a real S3 server, and a web server that does what it is told.

Each listens on a free port of the loopback interface and ends with its context. The web server
can break off, stall, change its content, lie about lengths and redirect, as servers do.
"""

import json
import os
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCESS, SECRET = "accesskey1", "secretkey1"
_WEED_PARTS = ("master", "volume", "filer", "s3")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


@contextmanager
def s3_server(top):
    """Serve the folders in a folder as buckets; gives the port."""
    port = free_port()
    words = ["rclone", "serve", "s3", str(top), "--addr", f"127.0.0.1:{port}", "-q"]
    words += ["--auth-key", f"{ACCESS},{SECRET}", "--config", os.devnull]
    # listings must show at once what a test changes
    words += ["--dir-cache-time", "0", "--poll-interval", "0"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()


@contextmanager
def versioned_s3_server(top):
    """Serve a folder by a server that keeps versions of objects; gives the port."""
    identity = {"name": "test", "actions": ["Admin"]}
    identity["credentials"] = [{"accessKey": ACCESS, "secretKey": SECRET}]
    (top / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (top / "data").mkdir()
    names = [f"{part}.port{kind}" for part in _WEED_PARTS for kind in ("", ".grpc")]
    with ExitStack() as probes:
        found = [probes.enter_context(socket.socket()) for _ in names]
        for probe in found:
            probe.bind(("127.0.0.1", 0))
        ports = {name: probe.getsockname()[1] for name, probe in zip(names, found, strict=True)}
    words = ["weed", "server", "-dir", str(top / "data"), "-filer", "-s3", "-s3.iam=false"]
    words += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={top / 's3.json'}"]
    words += ["-s3.port.iceberg=0", "-volume.max=10", "-master.volumeSizeLimitMB=64"]
    words += [f"-{name}={port}" for name, port in ports.items()]
    with (
        (top / "log").open("wb") as log,
        subprocess.Popen(words, cwd=top, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for(ports["s3.port"], process)
            yield ports["s3.port"]
        finally:
            process.kill()  # when asked to end it waits a quarter of a minute


def s3_environment(port):
    """Return the variables by which AWS's own tools find that server."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class CuttingProxy:
    """Passes connections on, and cuts answers off after so many bytes, as often as told."""

    def __init__(self, port):
        self.cuts = []
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._server.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self._to))
            for one, other, answers in ((client, upstream, False), (upstream, client, True)):
                threading.Thread(target=self._pump, args=(one, other, answers), daemon=True).start()

    def _pump(self, one, other, answers):
        left = None
        try:
            while data := one.recv(65536):
                # only long answers are cut: the object, not the listing
                if answers and left is None and len(data) > 8192 and self.cuts:
                    left = self.cuts.pop()
                if left is not None:
                    other.sendall(data[:left])
                    left -= len(data)
                    if left <= 0:
                        break
                else:
                    other.sendall(data)
        except OSError:
            pass
        finally:
            for end in (one, other):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                if not answers:
                    continue
                end.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        # a reader that was cut off, or gave a stalled answer up, resets the connection
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self):
        self._answer(True)

    def do_HEAD(self):
        self._answer(False)

    def _answer(self, with_body):
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        steps = self.server.steps
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        step = step(self) if callable(step) else step
        body = step.get("body", b"")
        self.send_response_only(step.get("status", 200))
        headers = {"Content-Length": str(len(body)), "Date": self.date_time_string()}
        headers |= step.get("headers", {})
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body[: step.get("cut", len(body))])
            self.wfile.flush()
        if step.get("stall"):
            self.server.released.wait(20)
        if "cut" in step or step.get("stall") or headers.get("Connection") == "close":
            self.close_connection = True


@contextmanager
def web_server(*steps):
    """Serve answers in turn, the last for ever; each is a mapping, or makes one of a request.

    Members: ``status``, ``headers`` (None: not sent), ``body``, ``cut`` (send so much and close),
    ``stall`` (then send nothing). Gives the server; ``seen`` holds what was asked.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.steps, server.seen, server.released = list(steps), [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/data.bin"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
