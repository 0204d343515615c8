"""Numbers as the pages print them."""

from __future__ import annotations

from dataclasses import dataclass

from classification.bootstrap import Difference, Interval


@dataclass(frozen=True, slots=True)
class NumberText:
    """Formats for the templates; a dash where a number is not defined."""

    def number(self, value: float | None, digits: int = 3) -> str:
        """A number with so many digits."""
        return "–" if value is None else f"{value:.{digits}f}"

    def small(self, value: float | None) -> str:
        """A number that may be tiny."""
        if value is None:
            return "–"
        return f"{value:.3f}" if value >= 0.001 or value == 0 else f"{value:.1e}"

    def interval(self, found: Interval | None, digits: int = 3) -> str:
        """A score with its interval."""
        if found is None or found.value is None:
            return "–"
        return f"{found.value:.{digits}f} ({found.low:.{digits}f}–{found.high:.{digits}f})"

    def difference(self, found: Difference | None, digits: int = 3) -> str:
        """A difference with its interval."""
        if found is None or found.difference is None:
            return "–"
        ends = f"{found.low:+.{digits}f} to {found.high:+.{digits}f}"
        return f"{found.difference:+.{digits}f} ({ends})".replace("-", "−")

    def p_value(self, value: float | None) -> str:
        """A p-value, or the bound it is below."""
        if value is None:
            return "–"
        return f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


TEXT = NumberText()
