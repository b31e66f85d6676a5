"""Text analysis: normal form, brands, sentiment, topics, risk, signatures, stories."""

from analysis.errors import AnalysisError, LabelError, ModelError, WorkerError
from analysis.link import MIN_SIMILARITY, Candidate, choose_story, similarity
from analysis.match import brands_version
from analysis.tagger import Tagger, TaggerSettings, Target
from analysis.worker import TaggerPool

__all__ = [
    "MIN_SIMILARITY",
    "AnalysisError",
    "Candidate",
    "LabelError",
    "ModelError",
    "Tagger",
    "TaggerPool",
    "TaggerSettings",
    "Target",
    "WorkerError",
    "brands_version",
    "choose_story",
    "similarity",
]
