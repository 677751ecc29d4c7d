"""Issues and errors as a FHIR OperationOutcome, with the NHS's codes for HTTP errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from service.errors import Issue, ServiceError

# sic: the lower-case s of "Codesystem" is how NHS England publishes it
HTTP_ERROR_CODES: Final = "https://fhir.nhs.uk/Codesystem/http-error-codes"
_NHS_CODES: Final = {
    400: "REC_BAD_REQUEST",
    401: "REC_UNAUTHORIZED",
    403: "REC_FORBIDDEN",
    404: "REC_NOT_FOUND",
    405: "REC_METHOD_NOT_ALLOWED",
    406: "REC_NOT_ACCEPTABLE",
    408: "REC_TIMEOUT",
    409: "REC_CONFLICT",
    422: "REC_UNPROCESSABLE_ENTITY",
    429: "REC_TOO_MANY_REQUESTS",
    500: "REC_SERVER_ERROR",
    501: "REC_NOT_IMPLEMENTED",
    503: "REC_SERVICE_UNAVAILABLE",
}
ALL_WELL: Final = Issue(severity="information", code="informational", text="All went well.")


def operation_outcome(issues: Iterable[Issue], http_status: int = 0) -> dict[str, Any]:
    """https://hl7.org/fhir/R4/operationoutcome.html, one issue for each, none of its own."""
    listed = [_issue(issue, _NHS_CODES.get(http_status)) for issue in issues]
    return {"resourceType": "OperationOutcome", "issue": listed or [_issue(ALL_WELL, None)]}


def outcome_of(error: ServiceError) -> dict[str, Any]:
    """Return the OperationOutcome that answers a request refused with this error."""
    return operation_outcome(error.issues, error.http_status)


def _issue(issue: Issue, nhs_code: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {"severity": issue.severity, "code": issue.code}
    if nhs_code:
        told["details"] = {"coding": [{"system": HTTP_ERROR_CODES, "code": nhs_code}]}
    told["diagnostics"] = f"{issue.text} (at {issue.source})" if issue.source else issue.text
    if issue.target:
        told["expression"] = [issue.target]
    return told
