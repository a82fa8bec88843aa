"""Why something that was asked for was not done."""

from drivers.core.errors import ChevetError


class Refused(ChevetError):  # noqa: N818 - an answer to a person, not a fault of the program
    """`code` is stable (docs/api.md), the text is a sentence for the nurse."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class IdentityError(Refused):
    """The traits of a patient cannot be taken as they were given. The text may hold them: it is never logged."""

    def __init__(self, sentence: str) -> None:
        super().__init__("identity-not-readable", sentence)
