"""Keys and where they are kept: in a file beside a SQLite database, in a row of a PostgreSQL one.

Keys are texts of Fernet's form. The first of several seals, all of them open: so what was sealed
before a rotation can still be opened, also in an old copy of the database.
"""

from __future__ import annotations

import json
import os
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.engine import make_url

from ephemeral_server.database.tables import configuration
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import EncryptionKeyError, SettingsError
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump

Keys = tuple[str, ...]

_KEY_BYTES = 32


def new_key() -> str:
    """A key that nobody had before."""
    return urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def given_keys(setting: str | None) -> Keys:
    """The keys in the setting ``encryption_key``.

    Raises:
        SettingsError: one is no key. The message does not show it.
    """
    keys = tuple(key.strip() for key in setting.split(",")) if setting else ()
    if not all(_is_key(key) for key in keys):
        raise SettingsError(
            "Setting 'encryption_key' must be 32 bytes in URL-safe base64, or several such keys "
            "separated by commas. One is made by: python -c 'from cryptography.fernet import "
            "Fernet; print(Fernet.generate_key().decode())'"
        )
    return keys


def _is_key(text: str) -> bool:
    try:
        return len(urlsafe_b64decode(text)) == _KEY_BYTES
    except ValueError:
        return False


class KeyStore(Protocol):
    """Where the keys of one database are kept.

    Attributes:
        place: for those who look for it.
    """

    place: str

    def read(self, connection: Connection) -> Keys:
        """The keys, newest first; none if no secret was ever stored."""
        ...

    def hold(self, tx: Transaction, *, to_change: bool = False) -> Keys:
        """The same, which nobody else changes until the transaction is over.

        Args:
            tx: whose writes depend on the keys.
            to_change: whether it may call `replace`; it then waits for those who hold them.
        """
        ...

    def begin(self, tx: Transaction, key: str) -> Keys:
        """Keep a first key, unless somebody was faster; the keys, held."""
        ...

    def replace(self, tx: Transaction, keys: Keys) -> None:
        """Keep these keys from now on, in a transaction that holds them to change them."""
        ...


class KeyFile:
    """A file beside a SQLite database that only its user can read, a key a line.

    Who holds or replaces the keys is in a write transaction, of which SQLite lets one run at a
    time. A transaction that is undone leaves the file as it has become: that loses no key.
    """

    def __init__(self, database: str) -> None:
        # As SQLite itself does: who comes by a link finds the same file.
        self._path = Path(os.path.realpath(database) + ".key")
        self.place = f"the file {self._path}"

    def read(self, connection: Connection) -> Keys:
        try:
            return tuple(self._path.read_text("ascii").split())
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise EncryptionKeyError(f"The key file cannot be read: {error}.") from error

    def hold(self, tx: Transaction, *, to_change: bool = False) -> Keys:
        return self.read(tx.connection)

    def begin(self, tx: Transaction, key: str) -> Keys:
        self.replace(tx, (key,))
        return (key,)

    def replace(self, tx: Transaction, keys: Keys) -> None:
        folder, name = self._path.parent, self._path.name
        try:
            # Closed to others from the start.
            descriptor, draft = tempfile.mkstemp(prefix=f".{name}-", dir=folder)
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write("".join(f"{key}\n" for key in keys))
                    file.flush()
                    os.fsync(file.fileno())  # before anything that is sealed with it
                os.replace(draft, self._path)
            except BaseException:
                os.unlink(draft)
                raise
            _sync_folder(folder)
        except OSError as error:
            raise EncryptionKeyError(
                f"The key of secrets cannot be written to {self.place}: {error}. Make that folder "
                "writable, or give a key in setting 'encryption_key'."
            ) from error


class KeyRow:
    """A row of the configuration, a list of keys."""

    place = "the table 'configuration' of the database, row 'encryption-keys'"

    def read(self, connection: Connection) -> Keys:
        return _keys(connection.execute(_READ).scalar())

    def hold(self, tx: Transaction, *, to_change: bool = False) -> Keys:
        # Any number may seal at once, but not while the keys are replaced.
        return _keys(tx.connection.execute(_READ.with_for_update(read=not to_change)).scalar())

    def begin(self, tx: Transaction, key: str) -> Keys:
        now = tx.now()
        row = {"id": new_id(now), "created": now, "updated": now, "key": _NAME}
        insert = insert_or_ignore(tx.dialect, configuration, "key")
        tx.connection.execute(insert, {**row, "value": dump([key])})
        return self.hold(tx)

    def replace(self, tx: Transaction, keys: Keys) -> None:
        tx.connection.execute(_REPLACE, {"new_value": dump(keys), "now": tx.now()})


_NAME = "encryption-keys"
_READ = select(configuration.c.value).where(configuration.c.key == _NAME)
_REPLACE = (
    update(configuration)
    .where(configuration.c.key == _NAME)
    .values(value=bindparam("new_value"), updated=bindparam("now"))
)


def _keys(value: str | None) -> Keys:
    return () if value is None else tuple(json.loads(value))


def _sync_folder(folder: Path) -> None:
    """Let the name of a new file outlive a power failure, where the system knows how to."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store_of(database_url: str) -> KeyStore:
    """Where the keys of the database with this URL are kept."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return KeyFile(url.database or "")
    return KeyRow()
