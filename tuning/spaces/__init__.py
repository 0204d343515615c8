"""What a search may choose from, as data."""

from tuning.spaces.loading import space, space_names
from tuning.spaces.parameter import Parameter
from tuning.spaces.search_space import SearchSpace

__all__ = ["Parameter", "SearchSpace", "space", "space_names"]
