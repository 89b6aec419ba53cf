"""What runs beside student code: torch and the standard library, nothing of the judge's.

A box gets a copy of this folder under the name `elbograde_inside`, so that no module of a submission is mistaken for one
of these; all imports among them are relative.
"""
