"""What goes when its time is over, what must stay, and who says so."""

from service.store.retention.holds import Hold, Holds
from service.store.retention.retention import Keep, Passed, Retention

__all__ = ["Hold", "Holds", "Keep", "Passed", "Retention"]
