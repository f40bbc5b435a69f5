"""Why a request gets no answer: a status, and one sentence that says what was given, the rule, and what to do."""

from starlette.responses import JSONResponse


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """Ends a request.

    Args:
        status: Of HTTP, 400 or more.
        message: For whoever sent the request; names nothing of this machine.
        retry_after: Seconds after which it may go well.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def refuse(status: int, message: str, retry_after: int | None = None) -> JSONResponse:
    """The response that says so."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse({"error": message}, status, headers)
