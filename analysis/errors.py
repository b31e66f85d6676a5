"""Errors of the analysis package."""

from domain.errors import TingfengError

__all__ = ["AnalysisError", "LabelError", "ModelError"]


class AnalysisError(TingfengError):
    """Root of the errors of this package."""


class ModelError(AnalysisError):
    """The weight files are missing, damaged or of another format."""


class LabelError(AnalysisError):
    """A file of labelled texts cannot be used for training."""
