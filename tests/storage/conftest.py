"""The storage suite stays within the functions' policy."""

from tests.stack.policy import within_the_policy

__all__ = ["within_the_policy"]
