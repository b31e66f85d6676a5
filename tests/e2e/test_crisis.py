"""A crisis is told once in both channels, in time, and its end once; a kill in the middle changes nothing.

The domain clock runs 120 times as fast as the wall clock. Rules are the defaults.
"""

import statistics
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.demo.post import FarmPost
from service.demo.told import told
from tests.e2e.conftest import HISTORY_BASES, Prepared
from tests.e2e.corpus import BRANDS, DEVICE, FRUIT, Corpus
from tests.e2e.harness import differences, store_id
from tests.e2e.stand import CHANNELS, FIRING_S, RESOLVED_S, SCALE, Stand, open_stand
from tests.measure import Measurements
from tests.soak.weigh import Scales

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WAVE = timedelta(minutes=30)
SLOW_WAVE = timedelta(hours=2)
PLAIN_NAMES = {id: name for id, (name, _) in BRANDS.items() if id != "apple"}
PSS_CEILING_MB = 670.0
LATENCY_CEILING_S = 90.0


def start_wave(stand: Stand, size: int, length: timedelta) -> list[FarmPost]:
    """Publish negative posts over `length`, beginning in five minutes."""
    start = stand.farm.now() + timedelta(minutes=5)
    wave = stand.timeline.evenly(stand.corpus.negative[:size], start, length, mark="crisis")
    stand.add(wave)
    return wave


def firing_once(stand: Stand) -> list[dict[str, Any]]:
    """Check that each channel was told once that it began, and of no other incident; return incidents."""
    for channel in CHANNELS:
        heard = stand.told("firing", channel)
        assert len(heard) == 1, [one.first_line for one in heard]
        assert "京东" in heard[0].first_line
    return [one for one in stand.service.incidents() if one["deliveries"]]


def check_stored(stand: Stand, wave: list[FarmPost]) -> int:
    """Check that every post that was shown and names a brand is stored once, with its fields; return how many.

    Stops the service.
    """
    shown = stand.settle()
    assert {post.id for post in wave} <= shown, "the farm has not shown the whole wave"
    stored: dict[str, list[dict[str, Any]]] = {}
    for one in stand.service.search("brand: *"):
        stored.setdefault(one["id"], []).append(one)
    wrong: list[str] = []
    checked = 0
    for post in stand.posts:
        names = {id for id, name in PLAIN_NAMES.items() if name in post.text or name in (post.title or "")}
        if post.id not in shown or not names:
            continue
        checked += 1
        found = stored.get(store_id(post, stand.farm.bases), [])
        if len(found) != 1 or not names <= set(found[0]["brand"]):
            wrong.append(f"{post.site} {post.id}: stored {len(found)} times, brands {[one['brand'] for one in found]}")
            continue
        wrong += [f"{post.site} {post.id}: {text}" for text in differences(post, found[0], stand.farm.bases)]
    assert not wrong, f"{len(wrong)} of {checked}: " + "\n".join(wrong[:20])
    return checked


def wait_shown(stand: Stand, wave: list[FarmPost]) -> None:
    """Wait until the service was shown the whole wave."""
    missing = {post.id: post for post in wave}

    def all_shown() -> bool:
        for id in stand.farm.first_shown_s("crisis"):
            missing.pop(id, None)
        return not missing

    try:
        stand.wait("the whole wave is shown", all_shown, 90)
    except AssertionError as err:
        err.add_note("\n".join(f"{post.site} {post.id} {post.published_at}" for post in missing.values()))
        raise


def one_more_latency_s(prepared: Prepared, corpus: Corpus, folder: Path, seed: int) -> float:
    """Run the wave once more up to its message and return the latency."""
    with open_stand(folder, prepared.data_dir, corpus, seed=seed) as stand:
        stand.begin()
        start_wave(stand, 400, WAVE)
        stand.wait_told("firing", WAVE.total_seconds() / SCALE + FIRING_S)
        stand.wait("60 posts are shown", lambda: len(stand.farm.first_shown_s("crisis")) >= 60, 60)
        return stand.latency_s()


def test_four_hundred_negative_posts_in_half_an_hour(
    stand: Stand,
    prepared: Prepared,
    measurements: Measurements,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stand.begin()
    assert not told(stand.sink.ledger), "two weeks imported at once and first visits tell nobody anything"
    wave = start_wave(stand, 400, WAVE)
    stand.wait_told("firing", WAVE.total_seconds() / SCALE + FIRING_S)
    wait_shown(stand, wave)
    stand.wait_told("resolved", RESOLVED_S)
    stand.pass_time(timedelta(minutes=30))
    pss_bytes = Scales().weigh_all(stand.service.pid or 0)
    incidents = firing_once(stand)
    assert all(len(stand.told("resolved", channel)) == 1 for channel in CHANNELS)
    assert [one["state"] for one in incidents] == ["resolved"]
    assert pss_bytes > 0
    measurements.record("memory of the whole service, PSS", pss_bytes / 1e6, unit="MB", ceiling=PSS_CEILING_MB)
    measurements.record("posts checked", check_stored(stand, wave), floor=400)
    latencies_s = [stand.latency_s()]
    # Proving takes the median of five waves, a plain run looks at this one.
    for seed in range(1, 5) if request.config.getoption("--measured") else ():
        latencies_s.append(one_more_latency_s(prepared, stand.corpus, tmp_path_factory.mktemp("wave"), seed))
    measurements.record(
        "60th crisis post shown to both channels' ok (400 in 30 min)",
        statistics.median(latencies_s),
        unit="s",
        ceiling=LATENCY_CEILING_S,
        note=f"median of {len(latencies_s)}, clock x{SCALE:g}, corpus {stand.corpus.digest}",
    )


def test_sixty_negative_posts_in_two_hours(stand: Stand, measurements: Measurements) -> None:
    stand.begin()
    wave = start_wave(stand, 60, SLOW_WAVE)
    stand.wait_told("firing", SLOW_WAVE.total_seconds() / SCALE + FIRING_S)
    wait_shown(stand, wave)
    stand.wait_told("resolved", RESOLVED_S)
    stand.pass_time(timedelta(minutes=30))
    incidents = firing_once(stand)
    assert [one["state"] for one in incidents] == ["resolved"]
    check_stored(stand, wave)
    measurements.record(
        "60th crisis post shown to both channels' ok (60 in 2 h)",
        stand.latency_s(),
        unit="s",
        ceiling=LATENCY_CEILING_S,
        note=f"clock x{SCALE:g}, corpus {stand.corpus.digest}",
    )


def test_a_kill_of_the_whole_service_in_mid_wave_changes_nothing(stand: Stand) -> None:
    stand.begin()
    wave = start_wave(stand, 400, WAVE)
    stand.wait("mid wave", lambda: len(stand.farm.first_shown_s("crisis")) >= 130, 60)
    stand.service.kill()
    stand.restart()
    stand.wait_told("firing", FIRING_S)
    wait_shown(stand, wave)
    stand.wait_told("resolved", RESOLVED_S)
    stand.pass_time(timedelta(minutes=30))
    incidents = firing_once(stand)
    assert all(len(stand.told("resolved", channel)) == 1 for channel in CHANNELS)
    assert [one["state"] for one in incidents] == ["resolved"]
    check_stored(stand, wave)


def test_history_is_stored_once_with_its_fields(stand: Stand, prepared: Prepared, measurements: Measurements) -> None:
    stored = {one["id"]: one for one in stand.service.search("brand: *")}
    wrong: list[str] = []
    for post in prepared.posts:
        names = {id for id, name in PLAIN_NAMES.items() if name in post.text}
        if not names:
            continue
        found = stored.get(store_id(post, HISTORY_BASES))
        if found is None or not names <= set(found["brand"]):
            wrong.append(f"{post.id}: {found and found['brand']}")
        else:
            wrong += [f"{post.id}: {text}" for text in differences(post, found, HISTORY_BASES)]
    assert not wrong, f"{len(wrong)}: " + "\n".join(wrong[:20])
    apples = [post for post in prepared.posts if "苹果" in post.text]
    tagged = {id for id, one in stored.items() if "apple" in one["brand"]}
    by_domain = {FRUIT: [0, 0], DEVICE: [0, 0]}
    for post in apples:
        count = by_domain.get(stand.corpus.domain_of[post.text])
        if count is not None:
            count[0] += 1
            count[1] += store_id(post, HISTORY_BASES) in tagged
    fruit, device = by_domain[FRUIT], by_domain[DEVICE]
    measurements.record("fruit taken for the brand 苹果", fruit[1] / fruit[0], ceiling=0.01, note=f"of {fruit[0]}")
    measurements.record("苹果 found in posts on tablets", device[1] / device[0], floor=0.75, note=f"of {device[0]}")
