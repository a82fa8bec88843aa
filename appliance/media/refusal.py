"""What was asked and is not done, with the code that the asker is told."""

from __future__ import annotations

from drivers.core.errors import ChevetError


class NotDone(ChevetError):  # noqa: N818 - it is an answer, and reads as one
    """It was not done. `code` is one of docs/protocol.md section 7."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
