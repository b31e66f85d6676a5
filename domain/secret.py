"""A string that never shows itself."""

from pathlib import Path

__all__ = ["Secret"]


class Secret:
    """Hold a credential so that no log, message or repr can show it.

    Equality compares the content; the hash is of the content too, so secrets can be
    dictionary keys. `reveal` is the only way to the text.

    Args:
        text: The credential.
        path: File that it was read from, where it may be found renewed; None = from no file.
    """

    __slots__ = ("_path", "_text")

    def __init__(self, text: str, path: Path | None = None) -> None:
        self._text = text
        self._path = path

    @property
    def path(self) -> Path | None:
        """File that it was read from, where it may be found renewed; None = from no file."""
        return self._path

    def reveal(self) -> str:
        """Return the credential itself; call it only where it is put on the wire."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __reduce__(self) -> tuple[type["Secret"], tuple[str, Path | None]]:
        return (Secret, (self._text, self._path))
