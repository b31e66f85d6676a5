"""Text analysis: normal form, brands, sentiment, topics, risk, signatures, stories."""

from analysis.errors import AnalysisError, LabelError, ModelError
from analysis.match import brands_version
from analysis.tagger import Tagger, TaggerSettings, Target

__all__ = [
    "AnalysisError",
    "LabelError",
    "ModelError",
    "Tagger",
    "TaggerSettings",
    "Target",
    "brands_version",
]
