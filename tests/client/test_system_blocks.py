"""Blocks that come with the client: secrets, webhooks, notifications."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.blocks.webhook import Webhook
from prefect.exceptions import ProtectedBlockError
from prefect.filesystems import LocalFileSystem

from tests.client.blocks import HIDDEN, load, save, save_secret
from tests.client.history import History
from tests.client.traffic import Traffic

SECRETS: dict[str, Any] = {
    "text": "☃ text",
    "number": 7,
    "real": 2.5,
    "truth": True,
    "list": ["a", [1, {"b": None}]],
    "mapping": {"user": "bob", "keys": {"first": [1, 2]}},
}


def test_a_secret_may_be_anything_that_json_can_say_and_is_told_to_nobody_else(
    history: History,
) -> None:
    for name, value in SECRETS.items():
        save_secret(value, name)
    assert {name: load(Secret, name).get() for name in SECRETS} == SECRETS
    for name in SECRETS:
        told = history.client.read_block_document_by_name(name, "secret", include_secrets=False)
        assert told.data == {"value": HIDDEN}
    save_secret({"new": 1}, "text", overwrite=True)
    changed: Any = load(Block, "secret/text")
    assert changed.get() == {"new": 1}


def test_the_types_of_the_server_itself_stay(history: History, traffic: Traffic) -> None:
    protected = {each.slug for each in history.client.read_block_types() if each.is_protected}
    assert protected == {"local-file-system", "secret", "webhook"}
    traffic.expect("DELETE /block_types/{id}", 403)
    for slug in protected:
        kind = history.client.read_block_type_by_slug(slug)
        with pytest.raises(ProtectedBlockError):
            history.client.delete_block_type(kind.id)
    save(LocalFileSystem(basepath="/"), "root")
    assert history.client.read_block_type_by_slug("local-file-system").is_protected


def test_webhooks_and_notifications_are_kept(history: History) -> None:
    url, headers = "https://example.com/hook?key=x", {"Authorization": "Bearer x"}
    given: dict[str, Any] = {"url": url, "headers": headers, "method": "PUT"}
    save(Webhook(**given), "hook")
    hook = load(Webhook, "hook")
    assert hook.url.get_secret_value() == url
    assert (hook.headers.get_secret_value(), hook.method) == (headers, "PUT")
    given = {
        "name": "hook",
        "url": "https://example.com/{{ token }}",
        "json_data": {"text": "{{ body }}"},
        "secrets": {"token": "hidden token"},
    }
    save(CustomWebhookNotificationBlock(**given), "notify")
    notify = load(CustomWebhookNotificationBlock, "notify")
    assert notify.secrets.get_secret_value() == {"token": "hidden token"}
    assert notify.json_data == {"text": "{{ body }}"}

    notify_slug = CustomWebhookNotificationBlock.get_block_type_slug()
    read = history.client.read_block_document_by_name
    told = [read("hook", "webhook", False), read("notify", notify_slug, False)]
    assert told[0].data["url"] == HIDDEN
    assert told[0].data["headers"] == {"Authorization": HIDDEN}
    assert told[1].data["secrets"] == {"token": HIDDEN}
    assert told[1].block_schema is not None
    assert told[1].block_schema.capabilities == ["notify"]
