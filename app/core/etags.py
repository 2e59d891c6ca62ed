"""ETag and If-Match: nobody overwrites what somebody else has just changed."""

import re

from fastapi import Request, Response

from app.core.errors import VersionRequired, invalid
from app.core.reading import Found, Page

_TAG = re.compile(r'^"v(\d{1,9})"$')


def wanted_version(request: Request, *, required: bool) -> int | None:
    """The version If-Match names; `VersionRequired` where a PATCH has none, `NotValid` where it has no known form."""
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        if required:
            raise VersionRequired()
        return None
    match = _TAG.match(given.strip())
    if match is None:
        raise invalid("header:If-Match", "if_match_form", 'One ETag as it was given, such as "v3".')
    return int(match.group(1))


def answer(found: Found, status: int = 200, location: str | None = None) -> Response:
    """One thing as it stands, with its ETag and, when it is new, where it lives."""
    headers = {"ETag": f'"v{found.version}"'}
    if location:
        headers["Location"] = location
    return Response(found.body, status, headers, media_type="application/json")


def list_answer(request: Request, page: Page) -> Response:
    """A page with the address of the next in `Link`."""
    headers = {}
    if page.next:
        following = request.url.include_query_params(cursor=page.next)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return Response(page.body, 200, headers, media_type="application/json")
