from datetime import timedelta

from analysis.link import Candidate, choose_story, similarity
from tests.analysis.builders import MOMENT


def candidate(id: str, signature: tuple[int, ...], minutes: int = 0, story: str | None = None) -> Candidate:
    return Candidate(id=id, story_id=story or id, signature=signature, event_at=MOMENT + timedelta(minutes=minutes))


def test_similarity_is_the_share_of_equal_values() -> None:
    assert similarity((1, 2, 3, 4), (1, 2, 3, 5)) == 0.75
    assert similarity((), ()) == 1.0
    assert similarity((), (1,)) == 0.0


def test_the_most_similar_candidate_gives_its_story() -> None:
    rows = [candidate("a", (1, 2, 9)), candidate("b", (1, 2, 3), story="root")]
    assert choose_story((1, 2, 3), rows) == "root"


def test_of_equals_the_earliest_then_the_smallest_id_wins() -> None:
    rows = [candidate("c", (1,), 5), candidate("b", (1,), 1), candidate("a", (1,), 1)]
    assert choose_story((1,), rows) == "a"


def test_candidates_that_are_not_alike_give_no_story() -> None:
    assert choose_story((1, 2), [candidate("a", (1, 3))]) is None
    assert choose_story((1,), []) is None
    assert choose_story((), [candidate("a", ())]) == "a"
