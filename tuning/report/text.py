"""Numbers of a search as the pages print them."""

from __future__ import annotations

from tuning.report.axes import value_text
from tuning.report.comparison import Spread


class SearchText:
    """Formats for the templates; a dash where something is not known."""

    def number(self, value: float | None, digits: int = 4) -> str:
        """A number with so many digits."""
        return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")

    def signed(self, value: float | None, digits: int = 4) -> str:
        """A difference with its sign."""
        return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")

    def spread(self, found: Spread | None) -> str:
        """Mean and, of several, standard deviation."""
        if found is None:
            return "–"
        mean = self.number(found.mean)
        return mean if found.sd is None else f"{mean} ± {found.sd:.4f} (of {found.searches})"

    def value(self, value: object) -> str:
        """A parameter's value."""
        return "–" if value is None else value_text(value)

    def duration(self, seconds: float | None) -> str:
        """A time in the unit that reads best."""
        if seconds is None:
            return "–"
        if seconds < 120:
            return f"{seconds:.0f} s"
        minutes = round(seconds / 60)
        return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


TEXT = SearchText()
