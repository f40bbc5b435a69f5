"""What to say of a command line that cannot be read: what is wrong with it, how it is written, and where that is told.

The parser of command lines has types of its own for such errors, which it does not show; they are known by what they
can do. It would print them in a box, for which it imports rich, and that takes longer than all else there is to do.
"""

from typing import Any, Final

MISREAD: Final = 2
"""The exit code of a command line that cannot be read."""


def usage_text(error: Any) -> str | None:
    """The message for the user; None of an error that is about something else.

    Args:
        error: Any exception.
    """
    if not hasattr(error, "format_message"):
        return None
    message: str = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None:  # the parser itself knows of no command
        return message
    pieces = " ".join([context.command_path, *context.command.collect_usage_pieces(context)])
    return f"{message}\n  usage: {pieces}; `{context.command_path} {context.help_option_names[0]}` explains it"
