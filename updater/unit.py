"""Whether the unit is in a consultation, as its own service says on loopback."""

from __future__ import annotations

import httpx

ANSWER_S = 5.0
FREE = "chevet_consultation_open 0.0"  # GET /api/metrics: asked without a login, unlike the consultation itself


def consulting(root: str) -> bool:
    """`root`: the service's address. One that is not there holds no consultation; one that only hangs may."""
    try:
        answer = httpx.get(f"{root}/api/metrics", timeout=ANSWER_S, trust_env=False)
    except httpx.ConnectError:
        return False
    except httpx.HTTPError:
        return True
    return FREE not in answer.text
