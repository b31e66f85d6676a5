"""The five dashboards, one module each."""

from dashboards.kibana.board import Board
from dashboards.kibana.boards.campaign import CAMPAIGN
from dashboards.kibana.boards.channel import CHANNEL
from dashboards.kibana.boards.coverage import COVERAGE
from dashboards.kibana.boards.crisis import CRISIS
from dashboards.kibana.boards.overview import OVERVIEW

__all__ = ["BOARDS"]

BOARDS: tuple[Board, ...] = (OVERVIEW, CRISIS, CHANNEL, CAMPAIGN, COVERAGE)
"""In the order of the line of links that each begins with."""
