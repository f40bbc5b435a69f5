"""What someone probably meant by a word that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(word: str, choices: Iterable[str]) -> str:
    """The closest of the choices as a question, for the end of an error message.

    Returns:
        "Did you mean 'depth'?", or "" if nothing comes close.
    """
    by_lower_case = {choice.lower(): choice for choice in choices}
    closest = get_close_matches(word.lower(), by_lower_case, n=1)
    return f"Did you mean '{by_lower_case[closest[0]]}'?" if closest else ""
