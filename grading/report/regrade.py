"""What a regrade changed, from the compact records that results.json keeps of both gradings."""

from collections.abc import Mapping

_SETTLED = ("passed", "partial", "failed", "skipped", "manual", "shown")


def changed(before: Mapping[str, object], now: Mapping[str, object]) -> list[dict[str, object]]:
    """The items whose points are not what they were. Rows that are still to come, or could not be judged, are left out.

    before: what came back from the platform, so anything may be in it
    """
    if before.get("assignment") != now.get("assignment"):
        return []
    earlier, later = _items(before), _items(now)
    return [
        {"item": item, "before": earlier[item].get("points"), "now": row.get("points")}
        for item, row in later.items()
        if item in earlier and row.get("status") in _SETTLED and earlier[item].get("points") != row.get("points")
    ]


def _items(record: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    items = record.get("items")
    rows = items.items() if isinstance(items, Mapping) else ()
    return {str(name): row for name, row in rows if isinstance(row, Mapping) and _is_points(row.get("points"))}


def _is_points(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
