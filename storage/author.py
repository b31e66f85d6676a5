"""Who counts as one author, and whose mentions an erasure takes."""

from domain.mention import Author, Mention

__all__ = ["author_key", "is_author"]


def author_key(mention: Mention) -> str:
    """Return a key equal for two mentions of one author: platform and id, else name.

    An author who is not shown at all counts as an author of his own: unknown people are
    more likely different than the same, and a crisis must not pass unseen for want of names.
    """
    author, platform = mention.post.author, mention.post.platform
    if author.id is not None:
        return f"{platform}|i|{author.id}"
    if author.name is not None:
        return f"{platform}|n|{author.name}"
    return f"{platform}|m|{mention.id}"


def is_author(author: Author, *, author_id: str | None, name: str | None) -> bool:
    """Say whether an author is the one asked for.

    With both given, the id decides where it is known and the name where it is not. With
    neither, nobody is.
    """
    if author_id is not None and author.id is not None:
        return author.id == author_id
    return name is not None and author.name == name
