"""Messages from a MESH mailbox: polled, taken in or kept, and only then acknowledged."""
