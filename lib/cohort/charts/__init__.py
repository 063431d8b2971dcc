"""Charts inside pages: bars, parts of a whole and distributions, drawn by matplotlib as SVG without any address.

matplotlib takes a second to load: import this package only where a chart is drawn.

    svg_markup      SVG of matplotlib made fit for inside a page
    chart_drawing   the charts
"""

from __future__ import annotations

from cohort.charts.chart_drawing import BarRow, DistributionPanel, StackRow, draw_bars, draw_distributions, draw_stacks
from cohort.charts.svg_markup import DrawnChart

__all__ = ["BarRow", "DistributionPanel", "DrawnChart", "StackRow", "draw_bars", "draw_distributions", "draw_stacks"]
