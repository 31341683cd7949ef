"""The pages that the types of the API's problems lead to."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers

from tasks.api.negotiation import JSON_TYPE, accepts
from tasks.api.problem_catalog import problem_types
from workers_ui.views.base import page


def problem_type(request: HttpRequest, code: str = "") -> HttpResponse:
    """What a type of problem means and how to fix it, or the list of all types; JSON for programs."""
    types = problem_types()
    if code and code not in types:
        raise Http404
    shown = [types[code]] if code else list(types.values())
    if accepts(request.headers.get("Accept", ""), [JSON_TYPE]) and "text/html" not in request.headers["Accept"]:
        rows = [each.to_json() for each in shown]
        response: HttpResponse = JsonResponse(rows[0] if code else {"results": rows})
    else:
        response = page(request, "workers_ui/problem_types.html", types=shown, code=code)
    patch_vary_headers(response, ["Accept"])
    return response
