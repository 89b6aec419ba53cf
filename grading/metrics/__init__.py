"""Metrics: samples -> features -> statistics -> a number with its uncertainty. Plain functions."""
