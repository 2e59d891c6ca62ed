"""The end of the demonstration on a screen: the outcome, its recount, and how to look around."""

from typing import Any

from rich.console import Console
from rich.table import Table

from app.demo.calendar import Year
from app.demo.recount import Figure, figures


class RecountDiffers(Exception):
    """The report and its recount from the HTTP answers differ."""


def everything(console: Console, url: str, year: Year, seconds: float) -> None:
    """Print it all; raises `RecountDiffers` when a figure of the report is not what the answers add up to."""
    counted = figures(year.report, year.answers, year.starts_on, year.ends_on)
    wrong = [figure.name for figure in counted if not figure.agrees]
    console.print(_outcome(year.report))
    console.print(_levels(year.report))
    console.print(_recount(counted))
    for caveat in year.report["caveats"]:
        console.print(f"  [dim]{caveat}[/dim]")
    if wrong:
        raise RecountDiffers(f"{RecountDiffers.__doc__} {', '.join(wrong)}")
    console.print(f"\nEvery one of {len(counted)} figures counted again from the HTTP answers: all agree.")
    console.print(f"A year in {seconds:.0f} seconds. Documentation: {url}/docs   Health: {url}/health/ready")
    signs = Table("role", "e-mail", "password", title="Sign in as", title_justify="left")
    for sign in year.signs:
        signs.add_row(sign.role, sign.email, sign.password)
    console.print(signs)


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _outcome(report: dict[str, Any]) -> Table:
    activity, cohort, pam = report["activity"], report["cohort"], report["pam"]
    period = f"{report['period']['starts_on']} to {report['period']['ends_on']}"
    table = Table("figure", "value", "95 % interval", title=f"Outcome, {period}", title_justify="left")
    table.add_row("referrals received", str(activity["referrals_received"]), "")
    table.add_row("accepted, declined, withdrawn", _three(activity), "")
    table.add_row(
        "started, ended, open at the end", f"{activity['started']}, {activity['ended']}, {activity['open_at_end']}", ""
    )
    paired = cohort["paired"]
    table.add_row("ended with both measurements", f"{paired['count']} of {paired['n']}", _range(paired, " %"))
    for name, words in (("baseline", "mean PAM before"), ("follow_up", "mean PAM after"), ("change", "mean change")):
        figure = pam["change"][name]
        table.add_row(words, f"{_number(figure['mean'])} (SD {_number(figure['sd'])})", _range(figure, ""))
    for words, share in (
        (f"rose by {pam['meaningful']['points']:g} points or more", pam["meaningful"]["share"]),
        (f"rose by {pam['reliable']['points']:g} points or more", pam["reliable"]["share"]),
        ("rose a level", pam["levels"][0]["up"]),
    ):
        table.add_row(words, f"{share['count']} of {share['n']} ({_number(share['percent'])} %)", _range(share, " %"))
    return table


def _three(activity: dict[str, Any]) -> str:
    return ", ".join(str(activity[f"referrals_{status}"]) for status in ("accepted", "declined", "withdrawn"))


def _range(figure: dict[str, Any], unit: str) -> str:
    if figure["low"] is None:
        return "–"
    return f"{_number(figure['low'])} to {_number(figure['high'])}{unit}"


def _levels(report: dict[str, Any]) -> Table:
    levels = report["pam"]["levels"][0]
    table = Table("before \\ after", "1", "2", "3", "4", "all", title="PAM levels", title_justify="left")
    for number, row in enumerate(levels["matrix"]):
        table.add_row(f"level {number + 1}", *(str(cell) for cell in row), str(levels["baseline_totals"][number]))
    table.add_row("all", *(str(total) for total in levels["follow_up_totals"]), str(levels["n"]))
    return table


def _recount(counted: list[Figure]) -> Table:
    table = Table("figure", "report", "counted again", "", title="The report, counted again", title_justify="left")
    for figure in counted:
        if "matrix" not in figure.name:
            table.add_row(
                figure.name, _shown(figure.reported), _shown(figure.counted), "=" if figure.agrees else "[red]≠[/red]"
            )
    return table


def _shown(value: float | None) -> str:
    return str(value) if isinstance(value, int) else _number(value, 2)
