"""The OpenAPI description: keys and sessions as ways in, problem details as the answer to every failure."""

import inspect
from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema

from tasks.api.problems import CONTENT_TYPE, ProblemSerializer


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry is untyped
    target_class = "accounts.authentication.TokenAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: SpectacularSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, made under Settings, API keys: `Authorization: Bearer ann_…`",
        }


class AutoSchema(SpectacularSchema):
    def get_operation_id(self) -> str:
        """From method and path, so that it is unique and stable: get_project_tasks."""
        words: list[str] = []
        for part in self.path.removeprefix("/api/v1/").strip("/").split("/"):
            if part.endswith("_id}"):
                words[-1] = words[-1].removesuffix("es" if words[-1].endswith("ches") else "s")
            else:
                words.append(part.strip("{}"))
        return "_".join([self.method.lower(), *words])

    def get_description(self) -> str:  # type: ignore[override]  # spectacular takes no arguments
        """The method's docstring; the class's is for those who read the code. Then what a key needs."""
        said = inspect.getdoc(getattr(self.view, self.method.lower())) or ""
        scope = getattr(self.view, "scopes", {}).get(self.method, "read")
        return f"{said}\n\nA key needs the scope `{scope}`.".strip()

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        failure = self._get_response_for_code(ProblemSerializer, "default", media_types=[CONTENT_TYPE])  # type: ignore[no-untyped-call]
        return bodies | {"default": failure | {"description": "What went wrong, as problem details (RFC 9457)"}}
