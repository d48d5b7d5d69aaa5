"""Changing the key of a database, with servers running on it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ephemeral_server.encryption.keys import new_key
from ephemeral_server.encryption.ring import Ring
from ephemeral_server.errors import EncryptionKeyError
from tests.encryption.processes import SECRET, key_file, process


def test_everything_is_sealed_with_a_new_key(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one:
            ids = [await one.store(), await one.store_plain(SECRET)]
            [old] = await one.keys()

            assert await one.rotate() == 2

            new, *others = await one.keys()
            assert others == [old]
            for id in ids:
                assert Ring((new,)).open(await one.stored(id)) == SECRET

    asyncio.run(main())


def test_a_server_that_runs_reads_on_and_seals_with_the_new_key(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as running, process(database_url) as beside:
            before = await running.store()

            await beside.rotate()

            assert await running.read(before) == SECRET
            after = await running.store()
            new = (await running.keys())[0]
            assert Ring((new,)).open(await running.stored(after)) == SECRET

    asyncio.run(main())


def test_what_is_stored_meanwhile_is_sealed_with_the_new_key(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as running, process(database_url) as beside:
            first = await running.store()

            rotated = asyncio.create_task(beside.rotate())
            ids = await asyncio.gather(*(running.store() for _ in range(20)))
            await rotated

            ring = Ring((await running.keys())[:1])
            for id in (first, *ids):
                assert ring.open(await running.stored(id)) == SECRET

    asyncio.run(main())


def test_two_rotations_at_once_follow_each_other(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one, process(database_url) as other:
            id = await one.store()

            await asyncio.gather(one.rotate(), other.rotate())

            keys = await one.keys()
            assert len(set(keys)) == 3
            assert Ring(keys[:1]).open(await one.stored(id)) == SECRET

    asyncio.run(main())


def test_a_document_that_cannot_be_opened_leaves_all_as_they_are(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one:
            good, bad = await one.store(), await one.store()
            sealed, keys = await one.stored(good), await one.keys()
            await one.damage(bad)

            with pytest.raises(EncryptionKeyError, match=bad):
                await one.rotate()

            assert await one.stored(good) == sealed
            assert await one.keys() == keys

    asyncio.run(main())


def test_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"

    async def main() -> None:
        async with process(url) as one:
            await one.store()
            key_file(url).unlink()
            with pytest.raises(EncryptionKeyError, match="lost"):
                await one.rotate()
            assert not key_file(url).exists()

    asyncio.run(main())


def test_a_database_without_secrets_gets_its_first_key(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one:
            assert await one.rotate() == 0
            assert len(await one.keys()) == 1

    asyncio.run(main())


def test_more_documents_than_are_sealed_at_once(database_url: str) -> None:
    async def main() -> None:
        async with process(database_url) as one:
            ids = await one.store_many(501)
            assert await one.rotate() == 501
            ring = Ring((await one.keys())[:1])
            assert [ring.open(await one.stored(id)) for id in (ids[0], ids[-1])] == [SECRET] * 2

    asyncio.run(main())


class TestGivenKeys:
    def test_the_first_of_them_is_the_new_one(self, database_url: str) -> None:
        old, new = new_key(), new_key()

        async def main() -> None:
            async with process(database_url, encryption_key=old) as one:
                id = await one.store()
            async with process(database_url, encryption_key=f"{new},{old}") as one:
                assert await one.rotate() == 1
            async with process(database_url, encryption_key=new) as one:
                assert await one.read(id) == SECRET
                assert await one.keys() == ()

        asyncio.run(main())

    def test_they_take_over_from_the_kept_ones(self, database_url: str) -> None:
        new = new_key()

        async def main() -> None:
            async with process(database_url) as one:
                id = await one.store()
            async with process(database_url, encryption_key=new) as one:
                await one.rotate()
                assert Ring((new,)).open(await one.stored(id)) == SECRET

        asyncio.run(main())
