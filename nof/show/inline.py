"""Small drawings that stand in the cells of a table; the cell's text says the same in words."""

from __future__ import annotations

from collections.abc import Sequence

from nof.method.spine import Spine
from nof.show import style

_WIDE, _HIGH, _EDGE = 72.0, 10.0, 4.0  # points
_SPARK, _QUARTER_STEP = 34.0, 10.0


def spine(one: Spine) -> str:
    """The range of a type as a line, its middle half as a band, the typical trust as a tick, the trust itself as a mark."""
    middle = _HIGH / 2

    def x(share: float) -> float:
        """Where a share of the range stands, in points."""
        return _EDGE + share * (_WIDE - 2 * _EDGE)

    band = max(x(one.upper) - x(one.lower), 0.8)
    return _svg(
        _WIDE,
        f'<path d="M{x(0):.1f} {middle}H{x(1):.1f}" stroke="{style.QUIET}" stroke-width="0.7" fill="none"/>'
        f'<rect x="{x(one.lower):.1f}" y="2" width="{band:.1f}" height="6" fill="{style.BAND}" stroke="{style.QUIET}" '
        'stroke-width="0.4"/>'
        f'<path d="M{x(0.5):.1f} 0.8V9.2" stroke="{style.QUIET}" stroke-width="0.8" fill="none"/>'
        f'<circle cx="{x(one.at):.1f}" cy="{middle}" r="2.7" fill="{style.INK}" stroke="{style.PAPER}" stroke-width="0.8"/>',
    )


def spine_words(one: Spine) -> str:
    """What a spine shows: "middle half"."""
    return one.band if one.by == "value" else f"{one.band}, by score"


def sparkline(scores: Sequence[float | None]) -> str:
    """Scores by quarter on the whole scale, 1.00 at the top and 4.00 at the foot; a gap where there is none."""
    count = len(scores)
    step = min(_QUARTER_STEP, (_SPARK - 6) / max(count - 1, 1))
    points = [None if one is None else (3 + i * step, 1.5 + (one - 1) / 3 * 7) for i, one in enumerate(scores)]
    lines, dots = "", ""
    for before, after in zip(points, points[1:], strict=False):
        if before and after:
            lines += f"M{before[0]:.1f} {before[1]:.1f}L{after[0]:.1f} {after[1]:.1f}"
    for i, point in enumerate(points):
        if point:
            last = i == count - 1
            dots += f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="{1.9 if last else 0.9}" fill="{style.INK}"/>'
    line = f'<path d="{lines}" stroke="{style.ACCENT}" stroke-width="0.9" fill="none"/>' if lines else ""
    scale = f'<path d="M1 1.5H{_SPARK - 1}M1 8.5H{_SPARK - 1}" stroke="{style.RULE}" stroke-width="0.5" fill="none"/>'
    return _svg(_SPARK, scale + line + dots)


def _svg(width: float, inside: str) -> str:
    return f'<svg xmlns="{style.SVG}" viewBox="0 0 {width:g} {_HIGH:g}">{inside}</svg>'
