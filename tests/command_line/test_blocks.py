"""``prefect block``."""

from __future__ import annotations

import pytest

from tests.command_line.commands import CommandLine

pytestmark = pytest.mark.timeout(240)

MODULE = '''
from prefect.blocks.core import Block
from pydantic import SecretStr

class Login(Block):
    """How to get in."""

    user: str
    password: SecretStr
'''

SAVE = """
from login import Login
from prefect.blocks.notifications import SlackWebhook

Login(user="bob", password="his secret").save("bob")
SlackWebhook(url="https://hooks.slack.com/services/a/b/c").save("alarm")
assert Login.load("bob").password.get_secret_value() == "his secret"
assert SlackWebhook.load("alarm").url.get_secret_value().endswith("/a/b/c")
"""


def test_blocks_are_registered_listed_shown_and_deleted(prefect: CommandLine) -> None:
    (prefect.folder / "login.py").write_text(MODULE)
    assert "Successfully registered 1 block" in prefect("block", "register", "-f", "login.py")
    listed = prefect("block", "type", "ls")
    for slug in ("local-file-system", "login", "secret", "webhook"):
        assert f"prefect block create {slug} " in listed
    assert "How to get in" in listed
    shown = prefect.json("block", "type", "inspect", "login")
    assert shown["block_type"]["description"] == "How to get in."
    assert set(shown["schema"]["fields"]["properties"]) == {"user", "password"}
    assert "/blocks/catalog/login/create" in prefect("block", "create", "login")
    assert "Block type 'other' not found!" in prefect.refused("block", "create", "other")

    prefect.python(SAVE)
    saved = prefect("block", "ls")
    assert "login/bob" in saved
    assert "slack-webhook/alarm" in saved
    shown = prefect("block", "inspect", "login/bob")
    assert "********" in shown
    assert "his secret" not in shown
    shown = prefect.json("block", "inspect", "login/bob")
    assert shown["data"] == {"user": "bob", "password": "********"}
    assert "Deleted Block" in prefect("block", "delete", "--id", shown["id"])
    assert "not found" in prefect.refused("block", "inspect", "login/bob")
    assert "not found" in prefect.refused("block", "delete", "login/bob")

    protected = prefect.refused("block", "type", "delete", "secret")
    assert "'secret' is a protected block!" in protected
    assert "Deleted Block Type 'login'" in prefect("block", "type", "delete", "login")
    assert "not found" in prefect.refused("block", "type", "inspect", "login")


def test_all_blocks_that_come_with_prefect_can_be_registered(prefect: CommandLine) -> None:
    said = prefect("block", "register", "-m", "prefect.blocks.notifications")
    assert "Successfully registered 9 blocks" in said
    listed = prefect("block", "type", "ls")
    for slug in ("custom-webhook", "slack-webhook", "twilio-sms"):
        assert f"prefect block create {slug} " in listed
