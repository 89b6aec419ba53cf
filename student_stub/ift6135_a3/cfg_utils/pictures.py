"""Images in a grid, each under its label."""

from ddpm_utils.pictures import show_save

__all__ = ["show_save"]
