"""The zip on the platform: what becomes of honest, unfinished and hostile submissions, and of a run that is killed."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradescope_platform import METADATA, Platform, reason_to_skip

from grading import assignments
from grading.sandbox.ladder import BY_NAME
from grading.sandbox.other_user import OtherUser

VENV = Path(sys.prefix)
ITEMS = {
    "cmput328_a5": ("vae.forward", "vae.reparameterize", "vae.kl_loss"),
    "ift6135_a3": ("q1.log_likelihood_normal", "q1.log_mean_exp", "q1.kl_analytic"),
}
NOSY = """
def _nosy(*args, **kwargs):
    import json, os
    opened = []
    for path in ("/autograder/source/elbograde/grading/grade.py", "/autograder/source/autograder.toml",
                 "/autograder/submission_metadata.json", "/autograder/results/results.json"):
        for mode in ("r", "a"):
            try:
                open(path, mode).close()
                opened.append(path)
            except OSError:
                pass
    for place in (".", "/autograder/results", "/autograder", "/tmp"):
        try:
            with open(os.path.join(place, "results.json"), "w") as file:
                json.dump({"score": 100, "tests": []}, file)
        except OSError:
            pass
    raise RuntimeError(f"opened {opened}")
"""
PRYING = """
for path in source/elbograde source/autograder.toml source/setup.sh submission_metadata.json results/results.json
do cat $path 2>/dev/null && echo read $path; ls $path/ 2>/dev/null && echo listed $path; done
for path in source/x source/elbograde/x results/x results/results.json run_autograder x
do (echo x >$path) 2>/dev/null && echo wrote $path; done
cat submission/*.py >/dev/null && ls source/venv >/dev/null && echo ready
"""
NEEDED_BY_PIP = ("HOME", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy")
CRASH = "\ndef _crash(*args, **kwargs):\n    raise ZeroDivisionError('crashed')\n"
HANG = "\ndef _hang(*args, **kwargs):\n    while True: pass\n"
PLACES = {  # a module, and where in it the three items ask
    "cmput328_a5": ("A5_vae_submission.py", ("VAE.forward", "VAE.reparameterize", "VAE.kl_loss")),
    "ift6135_a3": ("q1_vae.py", ("log_likelihood_normal", "log_mean_exp", "kl_gaussian_gaussian_analytic")),
}


def trouble(name: str, *kinds: str) -> dict[str, str]:
    """Lines that make the three items crash, hang, or try to write their own results."""
    module, places = PLACES[name]
    lines = [f"{place} = _{kind}\n" for place, kind in zip(places, kinds, strict=True) if kind]
    return {module: NOSY + CRASH + HANG + "".join(lines)}


EVERY_DAY_ONCE = pytest.mark.parametrize(
    "platform", ["cmput328_a5", pytest.param("ift6135_a3", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture(scope="module", params=["cmput328_a5", "ift6135_a3"])
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Set up with an environment that is there already, to judge three items."""
    if reason := reason_to_skip():
        pytest.skip(f"no platform here: {reason}")
    name = request.param
    there = Platform(name, tmp_path_factory.mktemp(name), {"only": ITEMS[name]})
    code, stdout = there.said("bash", "/autograder/source/setup.sh", environment={"ELBOGRADE_VENV": str(VENV)})
    assert code == 0, stdout
    assert "not done yet" in stdout and "as it should be" in stdout
    yield there


def reference(platform: Platform) -> Path:
    return assignments.load(platform.name).reference


def most(name: str) -> list[float]:
    points = {item.id: item.points for item in assignments.load(name).rubric.items}
    return [points[item] for item in ITEMS[name]]


def nothing_is_open_to_another_user(platform: Platform) -> None:
    """Whoever is not root reads and writes nothing of the autograder, and finds the submission and the libraries."""
    code, stdout = platform.said("setpriv", "--reuid=61234", "--regid=61234", "--clear-groups", "sh", "-c", PRYING)
    assert (code, stdout) == (0, "ready\n")


def test_the_reference_earns_everything_and_staff_are_told_what_differs(platform: Platform) -> None:
    platform.hand_in(reference(platform))
    ran = platform.run()
    assert ran.code == 0 and ran.scores == most(platform.name), ran.stdout
    assert "not a mark" not in ran.results["output"]
    assert any("the site has 1 points" in note for note in ran.results["extra_data"]["staff"])
    assert "the site has 1 points" in ran.stdout and "the site has" not in ran.results["output"]
    whole = str(ran.results) + ran.stdout
    assert "ada@example.edu" not in whole and "Nonymous" not in whole
    assert sorted(path.name for path in (platform.root / "results").iterdir()) == ["results.json"]
    nothing_is_open_to_another_user(platform)


@EVERY_DAY_ONCE
def test_trouble_of_every_kind_costs_its_own_rows_and_the_run_ends_in_time(platform: Platform) -> None:
    platform.hand_in(reference(platform), trouble(platform.name, "crash", "nosy", "hang"), "{ not JSON")
    ran = platform.run(seconds=15)
    crashed, nosy, hung = ran.results["tests"]
    assert ran.code == 0 and ran.seconds < 22, ran.stdout
    assert (crashed["score"], nosy["score"]) == (0, 0)
    assert "ZeroDivisionError: crashed" in crashed["output"]
    assert "opened []" in nosy["output"]
    assert "score" not in hung and "used up the submission's time" in hung["output"].replace("&#39;", "'")
    assert ran.results["extra_data"]["items"][ITEMS[platform.name][0]]["status"] == "failed"


@EVERY_DAY_ONCE
def test_a_run_that_is_killed_leaves_what_was_judged_until_then(platform: Platform) -> None:
    platform.hand_in(reference(platform), trouble(platform.name, "", "", "hang"))
    results = platform.killed_after(2)
    assert [test.get("score") for test in results["tests"]] == [*most(platform.name)[:2], None]
    assert "Not graded yet: 1 row." in results["output"] and results["tests"][2]["output"].startswith(
        "<p>Not graded yet.</p>"
    )


@pytest.mark.slow
def test_where_the_grader_cannot_start_the_first_results_stand(platform: Platform) -> None:
    platform.hand_in(reference(platform))
    code, stdout = platform.said("/autograder/run_autograder", environment={"ELBOGRADE_SECONDS": "many"})
    assert code == 0 and "ended with status 2" in stdout
    assert platform.results()["score"] == 0 and "not your fault" in platform.results()["output"]


@pytest.mark.slow
def test_a_grader_that_is_deaf_to_everything_is_ended_before_the_platform_would(platform: Platform) -> None:
    main = platform.root / "source" / "elbograde" / "grading" / "__main__.py"
    kept = main.read_text()
    main.write_text("import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)\n")
    try:
        platform.hand_in(reference(platform))
        ran = platform.run(seconds=1)
    finally:
        main.write_text(kept)
    assert ran.code == 0 and ran.seconds < 25 and "status 137" in ran.stdout
    assert ran.results["score"] == 0 and "not your fault" in ran.results["output"]


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_ends_at_once_with_what_was_judged(platform: Platform) -> None:
    platform.hand_in(reference(platform), trouble(platform.name, "", "", "hang"))
    ran = platform.stopped_after(2)
    assert ran.code == 0 and ran.seconds < 10
    assert ran.scores == [*most(platform.name)[:2], None]
    assert "stopped from outside after 2 of 3 rows" in ran.results["output"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crash", "nosy", "hang"])
def test_each_kind_of_trouble_alone(platform: Platform, kind: str) -> None:
    platform.hand_in(reference(platform), trouble(platform.name, "", "", kind), METADATA)
    ran = platform.run(seconds=30)
    assert ran.code == 0 and ran.seconds < 35
    assert ran.scores == [*most(platform.name)[:2], None if kind == "hang" else 0], ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("rung", ["landlock", "uid"])
def test_the_lower_rungs_of_the_ladder_serve_as_well(platform: Platform, rung: str) -> None:
    if reason := (OtherUser(private=()) if rung == "uid" else BY_NAME[rung]).missing():
        pytest.skip(reason)
    settings = platform.root / "source" / "autograder.toml"
    kept = settings.read_text()
    settings.write_text(kept.replace('sandbox = ""', f'sandbox = "{rung}"'))
    try:
        platform.hand_in(reference(platform), trouble(platform.name, "", "", "nosy"))
        ran = platform.run()
    finally:
        settings.write_text(kept)
    assert ran.scores == [*most(platform.name)[:2], 0], ran.stdout
    assert "opened []" in ran.results["tests"][2]["output"]
    assert ran.results["extra_data"]["backend"] == rung


@pytest.mark.slow
def test_the_stub_earns_nothing(platform: Platform) -> None:
    platform.hand_in(assignments.load(platform.name).stub)
    ran = platform.run()
    assert ran.scores == [0, 0, 0] and all("not done yet" in test["output"] for test in ran.results["tests"])


@pytest.mark.slow
def test_setup_installs_everything_into_an_environment_of_its_own(tmp_path: Path) -> None:
    """The true installation: a minute or more, and well over a gigabyte."""
    if reason := reason_to_skip():
        pytest.skip(f"no platform here: {reason}")
    there = Platform("cmput328_a5", tmp_path, {"only": ITEMS["cmput328_a5"]})
    asked = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name in NEEDED_BY_PIP}
    for _ in range(2):  # the second time there is nothing left to do
        code, stdout = there.said("bash", "/autograder/source/setup.sh", environment=asked)
        assert code == 0 and "as it should be" in stdout, stdout
    assert "installing torch" not in stdout
    (packages,) = (there.root / "source" / "venv").glob("lib/python3.*/site-packages")
    assert (packages / "torch").is_dir() and not (packages / "pytest").exists() and not (packages / "grading").exists()
    there.hand_in(reference(there))
    assert there.run().scores == most("cmput328_a5")
    shutil.rmtree(there.root / "source" / "venv")
