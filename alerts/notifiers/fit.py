"""Which lines of a message fit a channel's limit."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from alerts.message import Line

__all__ = ["fit_lines"]


def fit_lines(
    lines: Sequence[Line], render: Callable[[Line], str], *, room: int, size: Callable[[str], int]
) -> list[str]:
    """Return the rendered lines that fit together, in their order.

    What every degradation keeps is placed first, then what a lite message keeps, then the
    rest; a line whose link does not fit goes without it, one that does not fit at all is left out.

    Args:
        lines: Lines in order of weight.
        render: Gives a line's form in the channel.
        room: Size of all lines together, one more for each line's end.
        size: Measures a rendered line, in characters or bytes.
    """
    placed: dict[int, str] = {}
    for place in sorted(range(len(lines)), key=lambda i: (-lines[i].keep, i)):
        for line in (lines[place], replace(lines[place], url=None)):
            told = render(line)
            if size(told) + 1 <= room:
                placed[place] = told
                room -= size(told) + 1
                break
    return [placed[place] for place in sorted(placed)]
