"""Checks: each a plain function of the student, the reference and a generator. It returns, or raises Disagreement."""
