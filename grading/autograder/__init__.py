"""Grading on a hosting platform that gives every submission a fresh container and so many minutes: Gradescope.

settings    autograder.toml, which lies in the zip
metadata    submission_metadata.json, read tolerantly
container   how much memory and how many processors there are
board       results.json, whole at every moment
watch       ends the grading before the platform does
run         the order of things
smoke       whether grading works here, before any submission comes
"""
