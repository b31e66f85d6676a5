"""`tingfeng doctor`: the likely faults of an installation, each with its fix; nothing is written."""

from service.doctor.base import Finding, Level
from service.doctor.examination import examine

__all__ = ["Finding", "Level", "examine"]
