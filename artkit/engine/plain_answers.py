"""Answers as JSON has them: of `artkit predict --json` and of `artkit serve` alike."""

from typing import Any

from artkit.engine.naming import Guess, ImageAnswer, TargetAnswer


def plain_answer(answer: ImageAnswer) -> dict[str, Any]:
    """JSON-able values of what is said about an image, numbers with six significant digits.

    Returns:
        "predicted", "p" and "top" of the first target; "unknown_score" and "is_unknown", if something judges that; and
        "others", the same by name of the other targets, if there are any.
    """
    first, *others = answer.targets
    plain = _plain_target(first)
    if answer.unknown_score is not None:
        plain["unknown_score"] = short(answer.unknown_score)
        plain["is_unknown"] = first.is_unknown
    if others:
        plain["others"] = {target.target: _plain_target(target) for target in others}
    return plain


def short(number: float) -> float:
    """A number with as many digits as anyone looks at."""
    return float(f"{number:.6g}")


def _plain_target(target: TargetAnswer) -> dict[str, Any]:
    guesses: tuple[Guess, ...] = target.top
    return {
        "predicted": target.predicted,
        "p": short(guesses[0].p),
        "top": [{"name": guess.name, "p": short(guess.p)} for guess in guesses],
    }
