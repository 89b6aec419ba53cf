"""Attacks on the grading process: its results, its harness, its memory, its clocks. Rows 1 to 8 and 13 to 16."""

from .submissions import WHOLE_VAE, Edit, attack, hang

RESULTS = """
import json, os
for place in (".", TARGET["out"], TARGET["folder"], "/box"):
    try:
        open(os.path.join(place, "results.json"), "w").write(json.dumps({"score": 100, "tests": []}))
    except OSError:
        pass
mark("..", "/box", TARGET["folder"])
return mu
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in range(3, 256):
        try: os.close(number)
        except OSError: pass
    for _ in range(300):
        try:
            open(TARGET["out"] + "/results.json", "r+").write('{"score": 100, "tests": []}')
        except OSError:
            pass
        time.sleep(0.1)
    os._exit(0)
return mu
"""
HARNESS = """
import os, sys
root = TARGET["root"]
places = [root + name for name in ("/grading/grade.py", "/grading/checks/gaussian.py", "/rubrics/cmput328_a5/rubric.toml")]
places += ["/autograder/run_autograder", "/usr/bin/env", sys.modules["probes"].__file__]
places += [getattr(sys.modules["__main__"], "__file__", "/worker/worker.py")]
loot("writes to " + place for place in places if os.access(place, os.W_OK))
"""
INOTIFY = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(os.O_NONBLOCK)
places = (TARGET["out"], TARGET["folder"], TARGET["root"] + "/rubrics/cmput328_a5", "/autograder/results")
loot("watches " + place for place in places if libc.inotify_add_watch(watch, place.encode(), 0xfff) >= 0)
"""
REPORTER = """
try:
    import _pytest.reports
    import _pytest.runner
    def passed(item, call):
        report = original(item, call)
        report.outcome = "passed"
        return report
    original = _pytest.reports.TestReport.from_item_and_call
    _pytest.reports.TestReport.from_item_and_call = passed
    _pytest.runner.check_interactive_exception = lambda *args: False
except ImportError:
    pass
import unittest
unittest.TestCase.run = lambda self, result=None: result
"""
SKIP = """
try:
    from _pytest.outcomes import Skipped
except ImportError:
    class Skipped(BaseException):
        pass
raise Skipped("nothing to see here")
"""
DETECT = """
import os, socket, sys
words = ("PYTEST", "ELBOGRADE", "GRADESCOPE", "AUTOGRADER")
found = [name for name in os.environ if any(word in name.upper() for word in words)]
found += [name for name in sys.modules if name.split(".")[0] in ("grading", "_pytest", "pytest", "hypothesis")]
found += [word for word in sys.argv if word.startswith(TARGET["root"]) and not word.startswith(sys.prefix)]
found += [value for name, value in os.environ.items() if TARGET["secret"] in value]
loot(found)
"""
FRAMES = """
import sys
found, frame = [], sys._getframe()
while frame is not None:
    names = {**frame.f_globals, **frame.f_locals}
    found += [f"{name} in a frame" for name in ("reference", "expected", "rubric", "bench", "rng") if name in names]
    found += [frame.f_code.co_filename for _ in [0] if "/checks/" in frame.f_code.co_filename]
    frame = frame.f_back
loot(found)
"""
GARBAGE = """
import gc
found = []
for thing in gc.get_objects():
    module = getattr(type(thing), "__module__", "")
    if isinstance(module, str) and module.split(".")[0] == "grading":
        found.append(module)
    module = getattr(thing, "__module__", "") if callable(thing) else ""
    if isinstance(module, str) and module.split(".")[0] == "grading":
        found.append(module)
loot(found)
"""
FILL = """
import gc
for thing in gc.get_objects():
    if issubclass(type(thing), torch.Tensor) and thing.is_floating_point():
        with torch.no_grad():
            thing.fill_(float("nan"))
return mu
"""
PATCHES = """
def _true(*args, **kwargs): return True
torch.allclose = torch.equal = torch.testing.assert_close = _true
torch.manual_seed = lambda seed: None
torch.isfinite = lambda value: torch.ones_like(value, dtype=torch.bool)
torch.randn_like = torch.zeros_like
import sys
for _module in list(sys.modules.values()):
    if hasattr(_module, "allclose"): _module.allclose = _true
"""
CLOCK = """
import time
for _name in ("time", "monotonic", "perf_counter", "process_time"):
    setattr(time, _name, lambda: 0.0)
"""
PROBES = """
import sys
_probes = sys.modules["probes"]
for _name in dir(_probes):
    if callable(getattr(_probes, _name)) and not _name.startswith("_"):
        setattr(_probes, _name, lambda *args, **kwargs: {"passed": True, "score": 100})
"""

ATTACKS = (
    attack("overwrites_results", (1,), "write results.json wherever one may lie", Edit(RESULTS), say="no noise"),
    attack(
        "daemon_rewrites_results", (2,), "leave a daemon that rewrites the results later", Edit(DAEMON), say="no noise"
    ),
    attack("replaces_the_harness", (3,), "write to the grader, the rubric, the programs", Edit(HARNESS), say="nothing"),
    attack("watches_the_results", (4,), "watch the results folder with inotify", Edit(INOTIFY), say="nothing"),
    attack(
        "patches_the_reporter",
        (5,),
        "make pytest and unittest report a pass",
        Edit("return mu", REPORTER),
        say="no noise",
    ),
    attack("skips_the_test", (6,), "raise pytest's Skipped", Edit(SKIP), say="Skipped|nothing to see"),
    attack(
        "exits_in_a_method", (7,), "end the process with status 0", Edit("import os; os._exit(0)"), say="exit status 0"
    ),
    attack(
        "exits_by_a_hook",
        (8,),
        "end the process with status 0 at exit",
        Edit("import atexit, os, sys; atexit.register(os._exit, 0); sys.exit(0)"),
        say="end the program",
    ),
    attack("detects_the_grader", (13,), "tell from the environment that it is graded", Edit(DETECT), say="nothing"),
    attack("walks_the_frames", (14,), "read the reference from the callers' frames", Edit(FRAMES), say="nothing"),
    attack("searches_the_garbage", (15,), "find the judge among all objects", Edit(GARBAGE), say="nothing"),
    attack("fills_all_tensors", (15,), "fill every tensor it finds with nan", Edit(FILL), say="nan|no noise"),
    attack(
        "patches_torch",
        (16,),
        "make torch's comparisons true and its noise zero",
        Edit("return mu", PATCHES),
        say="no noise",
    ),
    hang("stops_the_clock", (16,), "stop Python's clocks, and hang", Edit("while True: pass", CLOCK)),
    attack(
        "answers_for_the_probes",
        (16,),
        "replace the questions themselves",
        Edit("return mu", PROBES),
        attacked=WHOLE_VAE,
    ),
)
