"""What the OpenAPI document cannot say of a request that the API takes."""

import schemathesis
from hypothesis import strategies as st

# Which hosts may be called is the egress policy's, so that a URL is made as a customer's would be.
schemathesis.openapi.format(
    "uri", st.from_regex(r"https://[a-z][a-z0-9]{0,20}\.example\.com(/[a-z0-9]{1,20}){0,3}", fullmatch=True)
)


@schemathesis.hook
def filter_case(context, case):
    body = case.body if isinstance(case.body, dict) else {}
    return not (_names_two_ids(case.headers or {}, body) or _is_no_range(body))


def _names_two_ids(headers, body):
    """An event's id and an Idempotency-Key stand for each other: both are taken only where they agree."""
    return "Idempotency-Key" in headers and "id" in body


def _is_no_range(body):
    """A range must begin while events are kept and end after that; by the year, whatever the offsets are."""
    since, until = body.get("since"), body.get("until")
    if not isinstance(since, str):
        return False
    return not "1971" <= since[:4] <= "2024" or (isinstance(until, str) and until[:4] <= since[:4])
