"""The command ``ephemeral-server``."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import click

from ephemeral_server.errors import EphemeralServerError
from ephemeral_server.version import __version__

if TYPE_CHECKING:
    from ephemeral_server.settings import Settings

#: Where a lasting server listens unless told otherwise: clients try this port by themselves.
PORT = 4200


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ephemeral-server")
def main() -> None:
    """A workflow-orchestration API server for Prefect clients.

    Settings are also read from the environment: EPHEMERAL_SERVER_<NAME>.
    """


@main.command()
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option(
    "--port",
    type=int,
    default=PORT,
    envvar="EPHEMERAL_SERVER_PORT",
    show_default=True,
    help="Port to listen on, 0 lets the system choose.",
)
@click.option("--database-url", help="sqlite+aiosqlite:///FILE or postgresql+asyncpg://...")
@click.option("--ephemeral", is_flag=True, help="Temporary data, gone with the server.")
@click.option(
    "--services/--no-services",
    default=None,
    help="Run services beside the API. [default: yes, but not with --ephemeral]",
)
@click.option("--auth-string", help="'user:password' that every request must show.")
@click.option("--allowed-hosts", help="Names besides loopback in Host and Origin; '*' for all.")
@click.option("--log-level", default="info", show_default=True, help="Of the web server.")
def start(log_level: str, ephemeral: bool, **given: Any) -> None:
    """Run a lasting server in the foreground until Ctrl-C or SIGTERM."""
    from ephemeral_server.settings import Settings

    chosen = {name: value for name, value in given.items() if value is not None}
    if ephemeral:
        chosen["ephemeral"] = True
    try:
        _serve(Settings.load(**chosen), log_level)
    except EphemeralServerError as error:
        raise click.ClickException(str(error)) from error


def _serve(settings: Settings, log_level: str) -> None:
    import uvicorn

    from ephemeral_server.application import build_app
    from ephemeral_server.embed.sockets import listen, url_of

    listener = listen(settings.host, settings.port)
    click.echo(f"{url_of(listener)}{settings.api_base_path}")
    config = uvicorn.Config(
        build_app(settings),
        lifespan="on",
        log_level=log_level,
        ws="websockets-sansio",
        # Open WebSockets are closed at once; requests have this long to end.
        timeout_graceful_shutdown=max(1, round(settings.shutdown_timeout)),
    )
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how one ends it
        uvicorn.Server(config).run(sockets=[listener])


@main.command()
def ps() -> None:
    """List the ephemeral servers that live on this machine for this user."""
    from ephemeral_server.embed.storage import list_live
    from ephemeral_server.settings import Settings

    for entry in list_live(Settings.load().temp_directory):
        click.echo("  ".join(f"{entry[name]}" for name in ("pid", "url", "mode", "started")))


@main.command()
def services() -> None:
    """List the services that a server runs beside the API."""
    from ephemeral_server.services.registry import SERVICES

    for service in SERVICES:
        click.echo(f"{service.name:<22}{service.does}")


@main.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    from ephemeral_server.application import create_api_app

    click.echo(json.dumps(create_api_app().openapi()))


@main.command("rotate-key")
@click.option("--database-url", help="sqlite+aiosqlite:///FILE or postgresql+asyncpg://...")
def rotate_key(database_url: str | None) -> None:
    """Seal the secrets of a lasting database with a new key, while servers run or not.

    The new key is made and kept with the database; where EPHEMERAL_SERVER_ENCRYPTION_KEY is set
    it is the first of those in it. What was sealed with earlier keys is sealed anew.
    """
    from ephemeral_server.application import default_database
    from ephemeral_server.encryption import rotation
    from ephemeral_server.settings import Settings

    given: dict[str, Any] = {"database_url": database_url} if database_url else {}
    try:
        settings = Settings.load(**given)
        if settings.database_url is None:
            file = default_database()
            settings = settings.replace(database_url=f"sqlite+aiosqlite:///{file}")
        documents = rotation.rotate_key(settings)
    except EphemeralServerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The secrets of {documents} block documents are sealed anew.")
