"""JSON-RPC of the embedded chain, for the service that owns it.

Promises: only the allowed methods of ``chain.rpc_server`` pass, whatever happens inside is an error
object of JSON-RPC, and it never raises. Must never know HTTP.
"""

from provenance.chain import rpc_server
from provenance.ledger.opening import Ledger

MAX_BODY_BYTES = rpc_server.MAX_BODY_BYTES


def answer(ledger: Ledger, body: bytes) -> bytes:
    """Return the answer to a request or a batch; empty for notifications alone."""
    return rpc_server.handle(ledger.client.node, body)
