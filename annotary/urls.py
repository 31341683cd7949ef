"""The root URL configuration."""

from django.urls import include, path

from annotary import health
from workers_ui.views import api_docs, problem_types

handler400 = "workers_ui.views.errors.bad_request"
handler403 = "workers_ui.views.errors.forbidden"
handler404 = "workers_ui.views.errors.not_found"
handler429 = "workers_ui.views.errors.too_many"
handler500 = "workers_ui.views.errors.server_error"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("account/", include("allauth.account.urls")),
    # A page among the calls: tasks/api has no pages.
    path("api/v1/docs/", api_docs.docs, name="api-docs"),
    path("api/v1/", include("tasks.api.urls")),
    path("problems/", problem_types.problem_type, name="problems"),
    path("problems/<slug:code>/", problem_types.problem_type, name="problem"),
    path("", include("workers_ui.urls")),
]
