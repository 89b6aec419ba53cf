"""elbograde: marks for assignments on generative models that course staff can stand behind."""

__version__ = "0.1.0"
