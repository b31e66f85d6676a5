"""Texts to tag, invented and all different."""

import random

from domain.mention import Mention
from tests.analysis.builders import a_mention
from tests.eval.opinions import NEGATIVE, NEUTRAL, POSITIVE


def some_mentions(count: int = 4_000, *, seed: str = "") -> list[Mention]:
    """Make texts of about 55 characters, one in ten with a brand; another seed gives other texts and ids."""
    dice = random.Random(f"4{seed}")
    sentences = [*NEGATIVE, *POSITIVE, *NEUTRAL]
    mentions = []
    for number in range(count):
        parts = dice.sample(sentences, 3)
        if number % 10 == 0:
            parts.insert(dice.randrange(3), dice.choice(["云杉咖啡", "白鹿茶饮", "云杉拿铁"]))
        mentions.append(a_mention("，".join(parts), id=f"{seed}{number}"))
    return mentions
