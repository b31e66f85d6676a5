"""What a Lens panel splits by: values, time, or named conditions."""

from dataclasses import dataclass

from dashboards.kibana.saved import Json

__all__ = ["Bucket", "Dates", "Filters", "Terms", "column_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The commonest values of a field, most first."""

    field: str
    """Keyword or boolean field."""
    label: str
    """Name for people."""
    size: int = 10
    """Most values, 1 to 1,000."""
    other: bool = False
    """Put the rest together under `Other`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """Time, in steps that fit the asked window."""

    field: str = "event_at"
    """Date field."""
    label: str = "时间"
    """Name for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Named conditions."""

    label: str
    """Name for people."""
    of: tuple[tuple[str, str], ...]
    """(name, query in the query language), in the order shown."""


Bucket = Terms | Dates | Filters


def column_of(bucket: Bucket, order_by: str | None) -> Json:
    """Return the Lens column of a split; `order_by` is the measure that ranks values, None = by name."""
    column: Json = {"customLabel": True, "isBucketed": True, "label": bucket.label}
    if isinstance(bucket, Dates):
        params: Json = {"dropPartials": False, "includeEmptyRows": True, "interval": "auto"}
        return column | {
            "dataType": "date",
            "operationType": "date_histogram",
            "params": params,
            "scale": "interval",
            "sourceField": bucket.field,
        }
    column |= {"dataType": "string", "scale": "ordinal"}
    if isinstance(bucket, Filters):
        filters = [{"input": {"language": "kuery", "query": kql}, "label": name} for name, kql in bucket.of]
        return column | {"operationType": "filters", "params": {"filters": filters}}
    by = {"columnId": order_by, "type": "column"} if order_by else {"fallback": False, "type": "alphabetical"}
    params = {
        "exclude": [],
        "excludeIsRegex": False,
        "include": [],
        "includeIsRegex": False,
        "missingBucket": False,
        "orderBy": by,
        "orderDirection": "desc" if order_by else "asc",
        "otherBucket": bucket.other,
        "parentFormat": {"id": "terms"},
        "size": bucket.size,
    }
    return column | {"operationType": "terms", "params": params, "sourceField": bucket.field}
