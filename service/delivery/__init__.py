"""From a transfer of care to those who must know."""
