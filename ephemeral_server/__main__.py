"""``python -m ephemeral_server`` is the command ``ephemeral-server``."""

from __future__ import annotations

from ephemeral_server.cli import main

main(prog_name="ephemeral-server")
