"""What seals and opens with keys."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ephemeral_server.encryption.keys import Keys


class Ring:
    """Some keys, ready for use: the first seals, all of them open.

    Raises:
        ValueError: one is no key.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """The text as it was, or None if no key fits."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            return None
