"""Any node of this project as a provider of web3.py, for notebooks, scripts and contract tests.

Promises: web3 sees what the node says, errors included. Nothing else in the package imports web3:
it costs a lone command its start, and its log path is slow (see ``rpc``).
"""

from typing import Any

from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from provenance.chain.client import Node, RpcError


class NodeProvider(JSONBaseProvider):
    """Lets ``Web3(NodeProvider(node))`` talk to the embedded chain or to an ``HttpNode``.

    Args:
        node: answers the calls.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one call of web3."""
        answer: RPCResponse = {"jsonrpc": "2.0", "id": 1}
        try:
            answer["result"] = self._node.request(method, list(params))
        except RpcError as error:
            answer["error"] = {"code": error.code, "message": error.message}
            if error.data is not None:
                answer["error"]["data"] = error.data
        return answer

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Say yes: a node that fails says so when it is asked."""
        return True
