"""Scripts that stand in `main()`, classes and all."""

import types

import pytest

from grading.intake.lifting import defined_in, lifted, lifted_script

TRAP = "raise SystemExit('it was run')"
INSIDE = f"""    import math
    width = 3
    device = 'cpu'
    class VAE:
        def __init__(self, n=2):
            self.n = n
        def area(self):
            return math.pi * self.n + width
    def train_step(x):
        return x * width, scale(x)
    model = VAE(width)
    for epoch in range(3):
        {TRAP}
    if width > 2:
        name = 'big'
    return
"""
OUTSIDE = "def scale(x):\n    return -x\n"


def script(text: str) -> types.ModuleType:
    made = types.ModuleType("lifted")
    exec(lifted_script(text, "work.py").source, made.__dict__)
    return made


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("def main():\n", "main()"),
        ("def main():\n", "if __name__ == '__main__':\n    main()"),
        ("def main():\n", ""),
        ("def run() -> None:\n", "try:\n    run()\nexcept KeyboardInterrupt:\n    pass"),
        ("def experiment(epochs=3, *, seed=0):\n", "results = experiment()"),
        ("def work(args):\n", "work(5)"),
        ("@wrapped\ndef main(*args, **kwargs):\n    '''Trains.'''\n", "main()"),
    ],
)
def test_what_main_holds_counts_as_if_it_stood_outside(head: str, tail: str) -> None:
    text = f"{OUTSIDE}{head}{INSIDE}\n{tail}"
    found = script(text)
    assert found.VAE().area() == pytest.approx(2 * 3.14159265 + 3)
    assert found.train_step(2) == (6, -2) and found.name == "big"
    assert found.__declared__["VAE"] == [((3,), {})]
    assert "for epoch in range(3)" in found.__rest__
    assert not hasattr(found, "model")
    assert defined_in(text) >= {"VAE", "train_step", "scale"}
    assert lifted_script(text, "work.py").notes == ()


@pytest.mark.parametrize(
    "text",
    [
        f"def other():\n{INSIDE}",
        f"def main(args):\n{INSIDE}",
        f"def work(args, more):\n{INSIDE}\nwork(*everything)",
        f"def work(args, more):\n{INSIDE}\nwork(1)",
        f"def work():\n{INSIDE}\ndef other():\n    work()",
        f"class A:\n    def main(self):\n{INSIDE.replace(chr(10), chr(10) + '    ')}",
    ],
)
def test_a_function_that_nobody_calls_so_stays_one(text: str) -> None:
    assert not hasattr(script(text), "VAE")


def test_parameters_stand_for_what_they_are_called_with() -> None:
    text = (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--n', type=int, default=4)\n"
        "def main(args, m=3, *, k=1):\n    class VAE:\n        n = args.n + m + k\n"
        "if __name__ == '__main__':\n    main(parser.parse_args(), k=10)"
    )
    assert script(text).VAE.n == 17


def test_arguments_parsed_inside_count() -> None:
    text = (
        "import argparse\ndef main():\n    global args\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--n', default=4)\n    args = parser.parse_args()\n    latent = args.n\n"
        "    class VAE:\n        n = latent\n    VAE(args.n)\nmain()"
    )
    found = script(text)
    assert (found.VAE.n, found.args.n, found.__declared__["VAE"]) == (4, 4, [((4,), {})])


def test_what_main_shares_with_functions_outside_is_there() -> None:
    text = "def f():\n    return n\ndef main():\n    global n\n    n = 5\n    train()\nmain()"
    assert script(text).f() == 5
    assert callable(script(text).main)
    assert script(f"n = None\n{text}").f() == 5


def test_names_of_the_module_keep_their_meaning() -> None:
    text = (
        "width = 7\nclass A:\n    n = width\ndef f():\n    return sum([width, 1])\n"
        "def main():\n    width = 9\n    twice = 2 * width\n    sum = 0\n    class B:\n        n = width\n"
        "    class A:\n        n = 'inner'\n    if width:\n        width = 8\n    B(width, 1)\n    width = 11\n    B(width, twice)\nmain()"
    )
    found = script(text)
    assert (found.width, found.A.n, found.f(), found.B.n) == (7, 7, 8, 7)
    assert found.__declared__["B"] == [((None, 1), {}), ((11, 18), {})]
    assert not hasattr(found, "twice")


def test_functions_that_share_their_main_s_names_still_do() -> None:
    text = (
        "def main():\n    count = 0\n    def step():\n        nonlocal count\n        count += 1\n        return count\n"
        "    def outer():\n        own = 0\n        def inner():\n            nonlocal own, count\n            own += 1\n"
        "            count += 1\n            return own, count\n        return inner()\n    class A:\n        pass\nmain()"
    )
    found = script(text)
    assert (found.step(), found.outer(), found.count) == (1, (1, 2), 2)


def test_a_function_that_only_holds_functions_stays_beside_them() -> None:
    text = "def train(n=3):\n    def step():\n        return n\n    return step() + 1\ntrain()"
    found = script(text)
    assert (found.train(), found.step()) == (4, 3)
    assert not hasattr(script("def train():\n    def step(): pass\n    lr = 3\ndef step(): pass\ntrain()"), "lr")


def test_one_that_stays_shares_with_its_own_functions_as_before() -> None:
    text = "def train():\n    n = 1\n    def step():\n        nonlocal n\n        n += 1\n    step()\n    return n\ntrain()"
    found = script(text)
    found.step()
    assert (found.train(), found.n) == (2, 2)


def test_a_factory_stays_since_others_use_it() -> None:
    text = "def make(n=2):\n    class VAE:\n        size = n\n    return VAE()\nmodel = make()\ndef other():\n    return make(5).size"
    found = script(text)
    assert (found.VAE.size, found.other()) == (2, 5)


def test_main_in_main_and_in_cells_of_a_notebook() -> None:
    cell = "def main():\n    def run():\n        class VAE:\n            n = 1\n    run()\nmain()"
    made = types.ModuleType("lifted")
    exec(lifted((cell, "x = 2"), "a.ipynb").source, made.__dict__)
    assert (made.VAE.n, made.x) == (1, 2)
    doubled = lifted((cell, "class VAE:\n    n = 2"), "a.ipynb")
    exec(doubled.source, made.__dict__)
    assert made.VAE.n == 2 and doubled.notes == ()
