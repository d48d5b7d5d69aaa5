"""What lasting databases hold of secrets, and who can read it."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from ephemeral_server.database import Transaction
from ephemeral_server.encryption.keys import Keys, new_key, store_of
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import EncryptionKeyError
from ephemeral_server.settings import Settings
from tests.encryption.processes import SECRET, bytes_of, key_file, process

#: A key, though not a good one.
ZEROS = f"{'A' * 43}="


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"


def test_a_secret_is_not_in_the_files_of_a_lasting_database(sqlite_url: str) -> None:
    async def main() -> None:
        async with process(sqlite_url) as one:
            await one.store_plain('{"value":"for comparison"}')
            await one.store(SECRET)
            assert b"for comparison" in bytes_of(sqlite_url)
            assert b"hunter2" not in bytes_of(sqlite_url)
        assert b"hunter2" not in bytes_of(sqlite_url)

    asyncio.run(main())


def test_what_one_process_seals_another_opens(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one:
            id = await one.store(SECRET)
            assert "hunter2" not in await one.stored(id)
            assert await one.read(id) == SECRET
        async with process(database_url) as other:
            assert await other.read(id) == SECRET

    asyncio.run(main())


def test_the_same_secret_is_never_stored_the_same_way_twice(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one:
            first, second = await one.store(SECRET), await one.store(SECRET)
            assert await one.stored(first) != await one.stored(second)

    asyncio.run(main())


def test_what_a_temporary_database_held_can_be_read_in_a_lasting_one(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one:
            id = await one.store_plain(SECRET)
            assert await one.stored(id) == await one.read(id) == SECRET

    asyncio.run(main())


class TestKeyFile:
    def test_there_is_none_until_there_is_a_secret(self, sqlite_url: str) -> None:
        async def main() -> None:
            async with process(sqlite_url) as one:
                assert not key_file(sqlite_url).exists()
                await one.store()
                assert key_file(sqlite_url).exists()

        asyncio.run(main())

    @pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
    def test_only_its_user_can_read_it(self, sqlite_url: str) -> None:
        before = os.umask(0)
        try:
            asyncio.run(store_one(sqlite_url))
        finally:
            os.umask(before)
        assert stat.S_IMODE(key_file(sqlite_url).stat().st_mode) == 0o600

    def test_nothing_else_is_left_in_its_folder(self, sqlite_url: str, tmp_path: Path) -> None:
        asyncio.run(store_one(sqlite_url))
        assert {each.name for each in tmp_path.iterdir()} == {"server.db", "server.db.key"}

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no links for everybody")
    def test_who_comes_by_a_link_finds_the_same_key(self, sqlite_url: str, tmp_path: Path) -> None:
        id = asyncio.run(store_one(sqlite_url))
        (tmp_path / "elsewhere").mkdir()
        link = tmp_path / "elsewhere" / "link.db"
        link.symlink_to(tmp_path / "server.db")

        async def main() -> None:
            async with process(f"sqlite+aiosqlite:///{link}") as other:
                assert await other.read(id) == SECRET
                assert await other.read(await other.store()) == SECRET
                assert len(await other.keys()) == 1

        asyncio.run(main())

    def test_one_that_cannot_be_written_is_told_with_the_way_out(self, sqlite_url: str) -> None:
        key_file(sqlite_url).mkdir()

        async def main() -> None:
            async with process(sqlite_url) as one:
                with pytest.raises(EncryptionKeyError, match="key file cannot be read"):
                    await one.store()

        asyncio.run(main())


def test_many_that_seal_their_first_secret_at_once_get_one_key(database_url: str) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            several = [await stack.enter_async_context(process(database_url)) for _ in range(6)]
            ids = await asyncio.gather(*(one.store() for one in several))

            assert len(await several[0].keys()) == 1
            for one in several:
                assert [await one.read(id) for id in ids] == [SECRET] * 6

    asyncio.run(main())


def test_a_first_key_that_another_makes_meanwhile_is_not_missed(postgres_url: str) -> None:
    async def main() -> None:
        async with process(postgres_url) as one:
            store = store_of(postgres_url)
            hold = store.hold

            def hold_slowly(tx: Transaction, *, to_change: bool = False) -> Keys:
                keys = hold(tx, to_change=to_change)
                if not keys:
                    with ThreadPoolExecutor() as other:
                        other.submit(asyncio.run, store_one(postgres_url)).result()
                return keys

            store.hold = hold_slowly  # type: ignore[method-assign]
            one.vault.__dict__["_store"] = store
            assert await one.read(await one.store()) == SECRET

    asyncio.run(main())


class TestGivenKeys:
    def test_a_given_key_is_not_kept_with_the_database(self, database_url: str) -> None:
        key = new_key()

        async def main() -> None:
            async with process(database_url, encryption_key=key) as one:
                id = await one.store()
                assert await one.read(id) == SECRET
                assert await one.keys() == ()

        asyncio.run(main())

    def test_all_open_and_the_first_seals(self, database_url: str) -> None:
        old, new = new_key(), new_key()

        async def main() -> None:
            async with process(database_url, encryption_key=old) as one:
                before = await one.store()
            async with process(database_url, encryption_key=f"{new}, {old}") as one:
                assert await one.read(before) == SECRET
                after = await one.store()
            async with process(database_url, encryption_key=new) as one:
                assert await one.read(after) == SECRET
                with pytest.raises(EncryptionKeyError):
                    await one.read(before)

        asyncio.run(main())

    def test_what_was_sealed_with_the_kept_key_can_still_be_read(self, database_url: str) -> None:
        async def main() -> None:
            async with process(database_url) as one:
                before = await one.store()
            async with process(database_url, encryption_key=new_key()) as one:
                await one.store()
                assert await one.read(before) == SECRET

        asyncio.run(main())

    @pytest.mark.parametrize("key", ["short", f"{ZEROS}, short", f"{ZEROS},", "shört"])
    def test_what_is_no_key_is_refused_without_being_shown(self, key: str) -> None:
        with pytest.raises(ValueError, match="encryption_key") as refused:
            Settings(encryption_key=key)
        assert not any(part and part in str(refused.value) for part in key.split(", "))

    def test_one_of_another_type_is_not_shown_either(self) -> None:
        wrong: Any = b"hunter2"
        with pytest.raises(ValueError, match="encryption_key") as refused:
            Settings(encryption_key=wrong)
        assert "hunter2" not in str(refused.value)

    def test_settings_do_not_show_it(self) -> None:
        key = new_key()
        settings = Settings.load({"EPHEMERAL_SERVER_ENCRYPTION_KEY": key})
        assert settings.encryption_key == key
        assert key not in repr(settings)


class TestUnfitKeys:
    def test_a_lost_key_is_told_to_readers(self, sqlite_url: str) -> None:
        id = asyncio.run(store_one(sqlite_url))
        key_file(sqlite_url).unlink()

        async def main() -> None:
            async with process(sqlite_url) as one:
                with pytest.raises(EncryptionKeyError, match=r"server\.db\.key.*encryption_key"):
                    await one.read(id)

        asyncio.run(main())

    def test_a_lost_key_is_not_replaced_by_another(self, sqlite_url: str) -> None:
        asyncio.run(store_one(sqlite_url))
        key_file(sqlite_url).unlink()

        async def main() -> None:
            async with process(sqlite_url) as one:
                with pytest.raises(EncryptionKeyError, match="lost"):
                    await one.store()
            assert not key_file(sqlite_url).exists()

        asyncio.run(main())

    def test_a_server_that_has_the_key_notices_that_it_got_lost(self, sqlite_url: str) -> None:
        async def main() -> None:
            async with process(sqlite_url) as one:
                id = await one.store()
                key_file(sqlite_url).unlink()
                with pytest.raises(EncryptionKeyError, match="lost"):
                    await one.store()
                assert await one.read(id) == SECRET

        asyncio.run(main())

    def test_a_wrong_key_neither_opens_nor_seals(self, database_url: str) -> None:
        async def main() -> None:
            async with process(database_url, encryption_key=new_key()) as one:
                id = await one.store()
            async with process(database_url, encryption_key=new_key()) as one:
                for attempt in (one.read(id), one.store()):
                    with pytest.raises(EncryptionKeyError, match="EPHEMERAL_SERVER_ENCRYPTION_KEY"):
                        await attempt

        asyncio.run(main())

    def test_a_damaged_key_is_told(self, sqlite_url: str) -> None:
        id = asyncio.run(store_one(sqlite_url))
        key_file(sqlite_url).write_text("half a k")

        async def main() -> None:
            async with process(sqlite_url) as one:
                with pytest.raises(
                    EncryptionKeyError, match=r"server\.db\.key is damaged.*encryption_key"
                ):
                    await one.read(id)

        asyncio.run(main())


def test_without_secrets_nothing_of_it_is_imported(sqlite_url: str) -> None:
    vault = Vault(Settings(database_url=sqlite_url), temporary=True)
    assert vault.unseal(None, SECRET) == vault.seal(None, SECRET) == SECRET  # type: ignore[arg-type]
    code = (
        "import sys, ephemeral_server as e\n"
        "with e.ephemeral(activate=False, database_url=sys.argv[1]): pass\n"
        "assert 'ephemeral_server.encryption.vault' in sys.modules\n"
        "assert 'cryptography' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, sqlite_url], check=True, timeout=30)


async def store_one(url: str) -> str:
    async with process(url) as one:
        return await one.store()
