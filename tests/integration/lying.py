"""A server that lies: what it answers with, and the lies it tells about the logs of a history."""

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from provenance.chain import rpc_server


class Server:
    """Answers GET from a table of documents, and POST /rpc from a node."""

    def __init__(self, node):
        self.documents = {}
        self.node = node
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                found = outer.documents.get(urlsplit(self.path).path)
                self.answer(200 if found else 404, json.dumps(found).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, rpc_server.handle(outer.node, body))

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def drop(logs, at):
    del logs[at]


def duplicate(logs, at):
    logs.insert(at, copy.deepcopy(logs[at]))


def reorder(logs, at):
    at = min(at, len(logs) - 2)
    logs[at], logs[at + 1] = logs[at + 1], logs[at]


def invent(logs, at):
    forged = copy.deepcopy(logs[at])
    forged["data"] = "0x" + "00" * ((len(forged["data"]) - 2) // 2)
    logs.insert(at, forged)


def edit_data(logs, at):
    data = bytearray.fromhex(logs[at]["data"][2:])
    data[-1] ^= 1
    logs[at]["data"] = "0x" + data.hex()


def edit_kind(logs, at):
    logs[at]["topics"][0] = "0x" + "ab" * 32


def edit_partner(logs, at):
    topics = logs[at]["topics"]
    topics[-1] = topics[-1][:-1] + ("9" if topics[-1][-1] != "9" else "8")


def edit_block(logs, at):
    logs[at]["block_number"] += 1


def edit_module(logs, at):
    logs[at]["address"] = "0x" + "cd" * 20


LIES = (drop, duplicate, reorder, invent, edit_data, edit_kind, edit_partner, edit_block,
        edit_module)  # fmt: skip
