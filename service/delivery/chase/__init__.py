"""What is done while nobody answers: a reminder, another team, a report to the sender."""

from service.delivery.chase.chasing import Chasing

__all__ = ["Chasing"]
