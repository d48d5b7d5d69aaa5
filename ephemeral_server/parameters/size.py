"""How large parameters may be."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from ephemeral_server.http.refusal import refused
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump


async def check_size(
    request: Request, parameters: dict[str, Any] | None, *place: str | int
) -> None:
    """Refuse parameters whose JSON is larger than the settings allow.

    Args:
        *place: of what has them, if that is within the body.

    Raises:
        RequestValidationError: with all of the body.
    """
    largest = runtime_of(request).settings.max_parameter_size
    if largest and parameters and (size := len(dump(parameters).encode())) > largest:
        raise refused(
            (*place, "parameters"),
            f"Flow run parameters must be less than {largest:,} bytes when serialized "
            f"(got {size:,} bytes).",
            parameters,
            await request.json(),
        )
