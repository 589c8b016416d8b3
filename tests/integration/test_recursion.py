"""A hostile document that is deeper than the stack ends a call, never the process."""

import subprocess
import sys

import pytest

PARSERS = {
    "policies": "from provenance.policy.odrl.reading import read as parse",
    "manifests": "from provenance.content.manifest import parse",
    "bundles": "from provenance.proofs.bundle import parse",
    "ManifestsOfOthers": "from provenance.content.declared import parse_croissant as parse",
}
DEEP = """
import threading
import provenance.chain.embedded
from provenance.errors import InputError
{imported}
def attempt():
    for opening in (b"[", b'{{"a":'):
        try:
            parse(opening * 200_000)
        except InputError as error:
            print(type(error).__name__)
thread = threading.Thread(target=attempt)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("name", PARSERS)
def test_deep_documents_are_refused_beside_the_evm(name):
    code = DEEP.format(imported=PARSERS[name])
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert len(ran.stdout.split()) == 2, ran.stderr[-2000:]
