"""The OpenAPI description: authentication by API key or session, and problem details for every failure."""

import inspect
import re
from typing import Any, Literal

from django.urls.converters import get_converters
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema

from tasks.api.negotiation import PROBLEM_TYPE
from tasks.api.problems import ProblemSerializer


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry is untyped
    target_class = "accounts.authentication.TokenAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: SpectacularSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, created under Settings, API keys: `Authorization: Bearer ann_…`",
        }


class BrowserSession(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.SessionAuthentication"


class AutoSchema(SpectacularSchema):
    def get_operation_id(self) -> str:
        """The operation id, from method and path so that it is unique and stable, such as get_project_tasks."""
        words: list[str] = []
        for part in self.path.removeprefix("/api/v1/").strip("/").split("/"):
            if part.endswith("_id}"):
                words[-1] = words[-1].removesuffix("es" if words[-1].endswith("ches") else "s")
            else:
                words.append(part.strip("{}"))
        return "_".join([self.method.lower(), *words]).replace("-", "_").replace(".", "_")

    def get_description(self) -> str:  # type: ignore[override]  # spectacular takes no arguments
        """The docstring of the method, followed by the required scope; the docstring of the class is internal."""
        docstring = inspect.getdoc(getattr(self.view, self.method.lower())) or ""
        scope = getattr(self.view, "scopes", {}).get(self.method, "read")
        return f"{docstring}\n\nRequires the scope `{scope}` when called with an API key.".strip()

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        """The path parameters; of a step, with the actions that its converter lists."""
        parameters: list[dict[str, Any]] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in parameters:
            kind = re.search(rf"<(\w+):{parameter['name']}>", self.path_regex)
            values = get_converters()[kind[1]].regex.split("|") if kind else []
            if len(values) > 1:
                parameter["schema"]["enum"] = values
        return parameters

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        failure = self._get_response_for_code(ProblemSerializer, "default", media_types=[PROBLEM_TYPE])  # type: ignore[no-untyped-call]
        return bodies | {"default": failure | {"description": "The error, as problem details (RFC 9457)"}}
