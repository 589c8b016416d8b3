"""A ledger of data provenance for data exchanges: who holds which right in which dataset.

Public names, imported when they are first used, so that hashing needs no chain::

    import provenance

    print(provenance.build_manifest("data/").root.hex())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provenance.config import Settings, load_settings
    from provenance.content.manifest import Manifest
    from provenance.content.manifest import build as build_manifest
    from provenance.content.manifest import parse as parse_manifest
    from provenance.errors import ProvenanceError
    from provenance.ledger.opening import Ledger, open_ledger
    from provenance.ledger.setup import initialise

_PLACES = {
    "Ledger": ("provenance.ledger.opening", "Ledger"),
    "Manifest": ("provenance.content.manifest", "Manifest"),
    "ProvenanceError": ("provenance.errors", "ProvenanceError"),
    "Settings": ("provenance.config", "Settings"),
    "build_manifest": ("provenance.content.manifest", "build"),
    "initialise": ("provenance.ledger.setup", "initialise"),
    "load_settings": ("provenance.config", "load_settings"),
    "open_ledger": ("provenance.ledger.opening", "open_ledger"),
    "parse_manifest": ("provenance.content.manifest", "parse"),
}

__all__ = [
    "Ledger",
    "Manifest",
    "ProvenanceError",
    "Settings",
    "build_manifest",
    "initialise",
    "load_settings",
    "open_ledger",
    "parse_manifest",
]


def __getattr__(name: str) -> Any:
    """Import a public name (PEP 562)."""
    try:
        module, attribute = _PLACES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
