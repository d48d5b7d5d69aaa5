"""What seals the data of blocks before it is stored, and opens it again.

Temporary databases hold it as it is: they lie in a folder that only their user can enter, and
end with their server. What is sealed differs from what is not by its first character, so that
either can be read from either kind of database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, select, update

from ephemeral_server.database.tables import block_document
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.encryption.keys import Keys, KeyStore, given_keys, new_key, store_of
from ephemeral_server.errors import EncryptionKeyError
from ephemeral_server.settings import Settings

if TYPE_CHECKING:
    from ephemeral_server.encryption.ring import Ring

#: How many documents are sealed anew in one statement.
_CHUNK = 500
_SETTING = "setting 'encryption_key' (EPHEMERAL_SERVER_ENCRYPTION_KEY)"
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"

_SEALED = select(block_document.c.data).where(~block_document.c.data.startswith("{")).limit(1)
_NEXT = (
    select(block_document.c.id, block_document.c.name, block_document.c.data)
    .where(block_document.c.id > bindparam("after"))
    .order_by(block_document.c.id)
    .limit(_CHUNK)
)
_RESEAL = (
    update(block_document)
    .where(block_document.c.id == bindparam("document_id"))
    .values(data=bindparam("sealed"))
)


class Vault:
    """Seals texts for one database.

    Args:
        settings: which database it is, and perhaps keys.
        temporary: the database ends with its server.
    """

    def __init__(self, settings: Settings, *, temporary: bool = False) -> None:
        self._settings = settings
        self._temporary = temporary
        self._ring: Ring | None = None

    @cached_property
    def _store(self) -> KeyStore | None:
        url = self._settings.database_url
        return None if self._temporary or url is None else store_of(url)

    @cached_property
    def _given(self) -> Keys:
        return given_keys(self._settings.encryption_key)

    def seal(self, tx: Transaction, text: str) -> str:
        """The text as it is stored.

        Args:
            tx: the transaction that will store it.
            text: a JSON object.

        Raises:
            EncryptionKeyError: the key is lost, or is not the one of what is stored already.
        """
        if self._store is None:
            return text
        return self._present_ring(tx, self._store).seal(text)

    def unseal(self, connection: Connection, stored: str) -> str:
        """A text that `seal` has made, as it was.

        Raises:
            EncryptionKeyError: the key is lost, or another one was given.
        """
        if _is_plain(stored):
            return stored
        text = None if self._ring is None else self._ring.open(stored)
        if text is None:  # the first time, or another process has changed the key
            ring = self._ring_of(self._known(self._store.read(connection) if self._store else ()))
            text = ring.open(stored)
            if text is None:
                raise self._unfit()
            self._ring = ring
        return text

    def rotate(self, tx: Transaction) -> int:
        """Seal everything anew: with a new key, or with the first one that was given.

        The keys before it stay behind it. A server that runs on this database notices.

        Returns:
            how many documents there are.

        Raises:
            EncryptionKeyError: one cannot be opened; nothing is changed then.
        """
        assert self._store is not None, "of a temporary database"
        kept = self._store.hold(tx, to_change=True)
        if self._given or not kept:
            old = new = self._present_ring(tx, self._store)
        else:
            old, new = self._ring_of(kept), self._ring_of((new_key(), *kept))
        documents = 0
        for rows in _all_documents(tx.connection):
            resealed = [
                {"document_id": row.id, "sealed": new.seal(self._open(old, row))} for row in rows
            ]
            tx.connection.execute(_RESEAL, resealed)
            documents += len(rows)
        if not self._given and kept:
            self._store.replace(tx, new.keys)
        return documents

    def _open(self, ring: Ring, row: Any) -> str:
        text: str | None = row.data if _is_plain(row.data) else ring.open(row.data)
        if text is None:
            raise self._unfit(f"block document {row.name!r} ({row.id})")
        return text

    def _present_ring(self, tx: Transaction, store: KeyStore) -> Ring:
        """The keys as they are for the time of this transaction; a first one if there is none."""
        keys = self._known(store.hold(tx))
        if self._ring is not None and self._ring.keys == keys:
            return self._ring
        sealed = tx.connection.execute(_SEALED).scalar()
        if not keys:  # or rather, there were none: another may have sealed its first secret since
            kept = store.begin(tx, new_key()) if sealed is None else store.hold(tx)
            keys = self._known(kept)
        ring = self._ring_of(keys)
        # What was sealed with a key beside those that are there now would soon be lost.
        if sealed is not None and ring.open(sealed) is None:
            raise self._unfit()
        self._ring = ring
        return ring

    def _known(self, kept: Keys) -> Keys:
        return tuple(dict.fromkeys((*self._given, *kept)))

    def _ring_of(self, keys: Keys) -> Ring:
        if not keys:
            raise EncryptionKeyError(
                f"The key of secrets in the database is lost: it should be in {self._place}. Put "
                f"it back, or give it in {_SETTING}."
            )
        from ephemeral_server.encryption.ring import Ring  # where there are no secrets, never

        try:
            return Ring(keys)
        except ValueError:  # (those that were given are known to be keys)
            raise EncryptionKeyError(
                f"The key of secrets in {self._place} is damaged. Put it right, or take it away "
                f"there and give it in {_SETTING}."
            ) from None

    def _unfit(self, what: str = "secrets in the database") -> EncryptionKeyError:
        return EncryptionKeyError(
            f"No key opens {what}: neither in {_SETTING} nor in {self._place} is the one that "
            "sealed it."
        )

    @property
    def _place(self) -> str:
        return self._store.place if self._store else "a lasting database"


def _is_plain(stored: str) -> bool:
    """Whether it is a JSON object; what is sealed begins with a letter."""
    return stored.startswith("{")


def _all_documents(connection: Connection) -> Iterator[Sequence[Any]]:
    after = _BEFORE_ALL
    while rows := connection.execute(_NEXT, {"after": after}).all():
        yield rows
        after = rows[-1].id
