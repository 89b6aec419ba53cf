"""A report as an attacker would like it, to try the emitters on."""

from report_pictures import garments
from report_samples import row

from grading.records import Evidence, FileTaken, Measurement, Outcome, Picture, Report, Status, Verdict

NASTY = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"></pre></details>]]>"
    "'\"{{ 7*7 }}[red]bold[/red][/] \x1b[31mred\x1b[0m\x1b]0;owned\x07\x9b2J\x00\x08\u202egnp.exe \ud800 javascript:alert(1)"
)


def hostile() -> Report:
    """Every text is an attack, every number a trap, and one of each is far too large."""
    nan, inf = float("nan"), float("inf")
    outcomes = (
        *(_trap(status, index) for index, status in enumerate(Status)),
        row("=cmd()", f"={NASTY}", NASTY, Status.PASSED, 5, nan),
        row("@SUM(A1)", "+1", "-2+3", Status.FAILED, inf, 1.0, seconds=nan),
    )
    return Report(
        f"={NASTY}",
        NASTY,
        f"=cmd|' /C calc'!A0 {NASTY}",
        f"@{NASTY}",
        inf,
        f"-{NASTY}",
        False,
        outcomes,
        files=(FileTaken(NASTY, NASTY, 3, NASTY, NASTY),),
        notices=(NASTY, "x" * 1_000_000),
        versions=((NASTY, NASTY),),
        seed=NASTY,
        partial_run=NASTY,
    )


def _trap(status: Status, index: int) -> Outcome:
    nan, inf = float("nan"), float("inf")
    scored = status in (Status.PASSED, Status.PARTIAL, Status.FAILED)
    verdicts = tuple(Verdict(share, NASTY, NASTY, NASTY * 90, NASTY * 90, NASTY * 90) for share in (0.0, 1.0, nan))
    measurements = (
        Measurement(NASTY, NASTY, nan, -inf, inf, 0, NASTY, NASTY),
        Measurement("b", NASTY, -0.0, -1e-12, 1e-300, 10**12, "%", NASTY),
        Measurement("c", NASTY, 1e300, -1e300, 1.5e300, -3, NASTY),
    )
    noise = Picture(NASTY, garments(3.0, index) + b"\0" * 120_000)
    evidence = Evidence(measurements, (noise, noise, Picture(NASTY, b"<svg onload=alert(1)>")))
    return row(
        f"+item{index}",
        NASTY,
        NASTY,
        status,
        3,
        1.5 if scored else None,
        verdicts=verdicts * 9,
        evidence=evidence,
        stdout=NASTY + "Score: 100\n" * 100_000,
        assumed=NASTY,
        cite=NASTY,
        visibility=NASTY if index else "hidden",
    )
