"""Where the password of the keys comes from: the environment, or a file.

Promises: read when a key is opened, and nowhere kept. Must never show a password.
"""

import os
from collections.abc import Callable

from provenance.chain.keystore import Password, PasswordSource, read_password
from provenance.config import Settings
from provenance.errors import KeystoreError

PASSWORD_VARIABLE = "PROVENANCE_PASSWORD"


def password_source(
    settings: Settings, environment: Callable[[str], str | None] = os.environ.get
) -> PasswordSource:
    """Return a source of passwords: the variable ``PROVENANCE_PASSWORD``, else the file."""

    def source(name: str) -> Password:
        text = environment(PASSWORD_VARIABLE)
        if text:
            return Password(text)
        if settings.password_path.exists():
            return read_password(settings.password_path)
        raise KeystoreError(
            f"the key {name} needs a password: set {PASSWORD_VARIABLE} or "
            f"PROVENANCE_PASSWORD_FILE, or use --ask-password"
        )

    return source
