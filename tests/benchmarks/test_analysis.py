"""Speed of tagging on one core, from the raw text to all tags."""

import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from analysis.match import AliasFinder
from analysis.tagger import Tagger, TaggerSettings
from config.loader import default_settings
from domain.tagging import BrandDefinition
from service.wiring import specs
from tests.analysis.builders import BAILU, YUNSHAN
from tests.benchmarks.texts import some_mentions
from tests.measure import Measurements

pytestmark = pytest.mark.bench

N_TEXTS = 4_000
BATCH = 200


@pytest.mark.parametrize(("segmenter", "floor"), [("jieba", 1_000), ("rjieba", 2_000)])
def test_texts_tagged_per_second(segmenter: str, floor: float, measurements: Measurements) -> None:
    if importlib.util.find_spec(segmenter) is None:
        pytest.skip(f"{segmenter} is not installed")
    settings = default_settings(specs(), folder=Path())
    tagger = Tagger(
        TaggerSettings(brands=(YUNSHAN, BAILU), topics=settings.topics, risks=settings.risks, segmenter=segmenter)
    )
    mentions = some_mentions()
    tagger.tag(mentions[:BATCH])
    began = time.process_time()
    for start in range(0, N_TEXTS, BATCH):
        tagger.tag(mentions[start : start + BATCH])
    rate = N_TEXTS / (time.process_time() - began)
    measurements.record(f"texts tagged with {segmenter}", rate, unit="1/s of one core", floor=floor)


@pytest.mark.parametrize(("segmenter", "floor"), [("jieba", 10), ("rjieba", 20)])
def test_tagging_beside_snownlp(segmenter: str, floor: float, measurements: Measurements) -> None:
    """All that tagging finds, beside SnowNLP's sentiment alone, on the same texts, in turns."""
    if importlib.util.find_spec(segmenter) is None:
        pytest.skip(f"{segmenter} is not installed")
    from snownlp import SnowNLP

    settings = default_settings(specs(), folder=Path())
    tagger = Tagger(
        TaggerSettings(brands=(YUNSHAN, BAILU), topics=settings.topics, risks=settings.risks, segmenter=segmenter)
    )
    mentions = some_mentions(BATCH * 6)
    tagger.tag(mentions[:BATCH])
    SnowNLP(mentions[0].post.text).sentiments  # noqa: B018  # loads its model
    ratios = []
    for start in range(BATCH, BATCH * 6, BATCH):
        batch = mentions[start : start + BATCH]
        began = time.process_time()
        tagger.tag(batch)
        between = time.process_time()
        for each in batch:
            SnowNLP(each.post.text).sentiments  # noqa: B018  # a property that works
        ratios.append((time.process_time() - between) / (between - began))
    note = f"processor time, median of {len(ratios)} pairs of {BATCH} texts of about 55 characters"
    measurements.record(f"tagging with {segmenter} to SnowNLP", median(ratios), floor=floor, note=note)


def test_names_found_per_second(measurements: Measurements) -> None:
    dice = random.Random(5)
    names = {f"b{n}": ("".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(4)),) for n in range(10_000)}
    finder = AliasFinder(names)
    text = "".join(mention.post.text for mention in some_mentions()[:2_000])
    began = time.process_time()
    finder.find(text)
    megabytes = len(text.encode()) / 1e6
    measurements.record("alias scan, 10,000 names", megabytes / (time.process_time() - began), unit="MB/s", floor=10)


def test_time_to_the_first_tagged_text(measurements: Measurements) -> None:
    code = (
        "from analysis.tagger import Tagger, TaggerSettings\n"
        "from tests.analysis.builders import a_mention\n"
        "Tagger(TaggerSettings()).tag([a_mention('好喝')])\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    measurements.record("start to the first tagged text", time.monotonic() - began, unit="s", ceiling=3.0)


def test_many_brands_cost_little(measurements: Measurements) -> None:
    brands = tuple(BrandDefinition(id=f"b{n}", name=f"品牌{n}号", query=f'"品牌{n}号" or 品{n}牌') for n in range(500))
    tagger = Tagger(TaggerSettings(brands=(*brands, YUNSHAN)))
    mentions = some_mentions()[:1_000]
    began = time.process_time()
    tagger.tag(mentions)
    rate = 1_000 / (time.process_time() - began)
    measurements.record("texts tagged with 501 brands", rate, unit="1/s of one core", floor=1_000)
