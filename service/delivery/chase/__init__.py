"""What is done while nobody answers: a reminder, another team, a report to the sender."""

from service.delivery.chase.chasing import Chasing
from service.delivery.chase.worker import LEASE, ChaseWorker

__all__ = ["LEASE", "ChaseWorker", "Chasing"]
