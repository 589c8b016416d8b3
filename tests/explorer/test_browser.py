"""The browser's module of proofs in a real browser, on the vectors of the Python verifiers."""

import json
import os
import queue
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "api" / "explorer"
VECTORS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((HERE.parent / "vectors" / "bundle").glob("*.json"))
}
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_S = 90


class Page(BaseHTTPRequestHandler):
    """Gives the page, the modules and the vectors; takes the verdicts."""

    verdicts = queue.Queue()

    def do_GET(self):
        if self.path == "/":
            self.answer("text/html", (HERE / "check_bundles.html").read_bytes())
        elif self.path in ("/entries.js", "/proofs.js", "/tries.js"):
            self.answer("text/javascript", (MODULES / self.path[1:]).read_bytes())
        elif self.path == "/vectors":
            self.answer("application/json", json.dumps(VECTORS).encode())
        else:
            self.send_error(404)

    def do_POST(self):
        self.verdicts.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer("text/plain", b"")

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def browser():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser on the path: none of {', '.join(NAMES)}")
    return found


def test_a_browser_gives_the_verdict_of_every_vector(browser, tmp_path):
    # a page of the loopback interface is a secure context, which WebCrypto asks for
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    words = [browser, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", "--disable-background-networking"]
    if os.getuid() == 0:
        words.append("--no-sandbox")  # its sandbox refuses root
    # it needs a debugging port to stay open without a window
    words += ["--remote-debugging-port=0", f"http://127.0.0.1:{server.server_port}/"]
    errors = tmp_path / "errors"
    with (
        errors.open("wb") as log,
        subprocess.Popen(
            words, stdout=log, stderr=log, env={**os.environ, "HOME": str(tmp_path)}
        ) as process,
    ):
        try:
            found = Page.verdicts.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError(f"no verdicts: {errors.read_text('utf-8', 'replace')}") from None
        finally:
            process.terminate()
            server.shutdown()
            server.server_close()
    statuses = {name: verdict["status"] for name, verdict in found.items()}
    assert statuses == {name: vector["verdict"] for name, vector in VECTORS.items()}
