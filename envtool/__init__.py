"""An environment manager for deep-learning people, wrapping conda and pip."""

__version__ = "0.1.0"
