"""What a sender or reader did wrong, as one plain sentence with the status that says so."""


class Refusal(Exception):
    """The request is refused. `wait_s`: when to come again (429)."""

    def __init__(self, status: int, message: str, *, wait_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.wait_s = wait_s
