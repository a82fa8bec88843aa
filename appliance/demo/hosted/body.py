"""A small JSON body of a request, capped."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from appliance.platform.fhir.text import NotJson, loads


class BadBody(ValueError):  # noqa: N818 - named by what came
    """It is longer than wanted, or no JSON; the text says which."""


async def read(request: Request, at_most: int) -> Any:
    """What it says. `BadBody`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > at_most:
            raise BadBody(f"at most {at_most} bytes are wanted")
    try:
        return loads(bytes(body))
    except NotJson as error:
        raise BadBody(str(error)) from None
