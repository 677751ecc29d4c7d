"""What is told of the routes beside the FHIR endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.api.negotiation import FORM_TYPE
from service.api.openapi.told import (
    ANY,
    ER7,
    FHIR,
    JSON,
    OBJECT,
    OUTCOME,
    SENDS,
    Content,
    Told,
)

ROUTES_BESIDE: Final[Mapping[str, Told]] = {
    "intake.hl7v2": Told(
        scope="c", of="Communication",
        takes=Content(schema="Text", types=ER7),
        gives={200: Content(schema="Text", types=ER7)},
        refuses=SENDS,
        in_kind=True,
    ),
    "intake.clinical_document": Told(
        scope="c", of="Communication",
        takes=Content(schema="Text", types=("application/xml", "text/xml")),
        gives={200: Content(schema="Text", types=ANY), 201: OUTCOME},
        refuses=(*SENDS, 500),
        in_kind=True,
    ),
    "intake.intake": Told(
        scope="c", of="Communication",
        takes=Content(schema="Text", types=ANY),
        gives={200: Content(schema="Text", types=ANY), 201: OUTCOME},
        refuses=SENDS,
        in_kind=True,
    ),
    "explaining.try_out": Told(
        scope="c", of="Communication",
        takes=Content(schema="Text", types=ANY),
        gives={200: OBJECT},
        refuses=SENDS,
        in_kind=True,
    ),
    "explaining.explain": Told(scope="r", of="Binary", gives={200: OBJECT}, refuses=(404, 410)),
    "progress.status": Told(scope="r", of="Task", gives={200: OBJECT}, refuses=(404,)),
    "business-acknowledgements.acknowledgement": Told(
        scope="c", of="Communication",
        gives={200: Content(schema="Resource", types=FHIR), 202: OUTCOME},
        refuses=(404,),
    ),
    "oauth.smart_configuration": Told(open=True, gives={200: OBJECT}),
    "oauth.token": Told(
        open=True,
        takes=Content(schema="TokenRequest", types=(FORM_TYPE,)),
        gives={
            200: Content(schema="Token", types=JSON),
            400: Content(schema="TokenRefused", types=JSON),
            401: Content(schema="TokenRefused", types=JSON),
        },
    ),
    "health.health": Told(open=True, gives={200: OBJECT}),
    "health.ready": Told(open=True, gives={200: OBJECT}, refuses=(503,)),
    "openapi.description": Told(open=True, gives={200: OBJECT}, refuses=(304,)),
}  # fmt: skip
