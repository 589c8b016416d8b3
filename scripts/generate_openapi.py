"""Write ``api/openapi.json``, the OpenAPI 3.1 document of the service.

    python -m scripts.generate_openapi            write it
    python -m scripts.generate_openapi --check    fail if the committed one differs

Promises: the document is a function of the code alone: no home, no chain, no clock.
"""

import argparse
import json
import sys
from pathlib import Path

from api.app import create_app
from provenance.config import Settings

TARGET = Path(__file__).resolve().parent.parent / "api" / "openapi.json"


def document() -> str:
    """Return the OpenAPI document of an application with default settings."""
    return json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the document, or compare it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    wanted = document()
    if not parser.parse_args(arguments).check:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write(f"{TARGET.name} is not fresh: run python -m scripts.generate_openapi\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
