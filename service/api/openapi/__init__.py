"""GET /openapi.json: every route described in OpenAPI 3, made of the routes that there are."""

from service.api.openapi.route import openapi_blueprint

__all__ = ["openapi_blueprint"]
