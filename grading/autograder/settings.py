"""autograder.toml: what the autograder of one course goes by. It lies at the root of the zip, for staff to change."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grading.errors import StaffError

PLATFORM_MINUTES = 10.0  # Gradescope's default; it can be set to 40
MARGIN = 60.0  # seconds that the platform is left with, to start and to fetch the results
_TEXT = """# Settings of this autograder. After a change, zip the folder again and upload it.

assignment = {assignment}
seconds = {seconds:g}  # it ends by itself after so long; the time limit on the site must be a minute longer
only = [{only}]  # ids of items of the rubric; empty: all of them
sandbox = {sandbox}  # bubblewrap, landlock or uid; empty: the best that works there
secret = {secret}  # what draws are derived from beside the rubric's seed, so that nobody can predict them
"""


class Settings(BaseModel):
    """What autograder.toml says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    assignment: str
    seconds: float = Field(default=PLATFORM_MINUTES * 60 - MARGIN, gt=0)
    only: tuple[str, ...] = ()
    sandbox: str = ""
    secret: str = ""


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings; ELBOGRADE_SECONDS in the environment goes before what they say. Raises StaffError."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        seconds = environment.get("ELBOGRADE_SECONDS", "")
        return Settings.model_validate({**said, **({"seconds": seconds} if seconds else {})})
    except OSError as error:
        raise StaffError(f"the settings cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StaffError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors())
        raise StaffError(f"{path}: {told}; the keys are {', '.join(Settings.model_fields)}") from None


def written(settings: Settings) -> str:
    """The same, as a file for people."""
    only = ", ".join(map(_quoted, settings.only))
    texts = {name: _quoted(getattr(settings, name)) for name in ("assignment", "sandbox", "secret")}
    return _TEXT.format(seconds=settings.seconds, only=only, **texts)


def _quoted(text: str) -> str:
    """A string of JSON is one of TOML."""
    return json.dumps(text).replace("\x7f", "\\u007f")


def seconds_for(minutes: float) -> float:
    """How long to grade where the platform's limit is so many minutes: 9 of 10, 39 of 40."""
    return max(60 * minutes - min(MARGIN, 6 * minutes), 1.0)
