"""The dashboard: live view, sightings, health.

Importing this package is cheap. The parts that load the web framework are
imported by name when the dashboard starts: ``edge_runtime.web.app.create_app``
and ``edge_runtime.web.server.serve``.
"""

from edge_runtime.web.access import DashboardAccess, check_bind
from edge_runtime.web.state import DashboardState, Health

__all__ = ["DashboardAccess", "DashboardState", "Health", "check_bind"]
