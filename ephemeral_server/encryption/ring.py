"""What seals and opens with keys."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ephemeral_server.encryption.keys import Keys
from ephemeral_server.errors import EncryptionKeyError


class Ring:
    """Some keys, ready for use: the first seals, all of them open.

    Raises:
        EncryptionKeyError: one is no key.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise EncryptionKeyError("A key that seals secrets is damaged.") from None

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """The text as it was, or None if no key fits."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            return None
