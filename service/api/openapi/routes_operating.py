"""What is told of operators' routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.api.openapi.told import JSON, OBJECT, Content, Told

_SAID: Final = Content(schema="Object", types=JSON)
_DID: Final = (400, 404, 409, 410, 413, 415, 422, 501)
_NAMED: Final[Mapping[str, Told]] = {
    "messages": Told(
        scope="s", of="operator/Message", gives={200: OBJECT}, refuses=(400,),
        parameters=("state", "sender", "after", "_count"),
    ),
    "message": Told(scope="r", of="operator/Message", gives={200: OBJECT}, refuses=(400, 404)),
    "raw": Told(
        scope="r", of="operator/Binary",
        gives={200: Content(schema="Text", types=("application/octet-stream",))},
        refuses=(404, 410),
    ),
    "explain": Told(
        scope="r", of="operator/Binary", gives={200: OBJECT}, refuses=(404, 409, 410, 422)
    ),
    "status": Told(scope="r", of="operator/Task", gives={200: OBJECT}, refuses=(404,)),
    "replay": Told(
        scope="u", of="operator/Message", takes=_SAID, gives={200: OBJECT}, refuses=_DID
    ),
    "replay_all": Told(
        scope="u", of="operator/Message", takes=_SAID, gives={200: OBJECT}, refuses=_DID
    ),
    "skip": Told(scope="u", of="operator/Message", takes=_SAID, gives={200: OBJECT}, refuses=_DID),
    "release": Told(
        scope="u", of="operator/Message", takes=_SAID, gives={200: OBJECT}, refuses=_DID
    ),
    "channels": Told(
        scope="s", of="operator/Channel", gives={200: OBJECT}, refuses=(400,),
        parameters=("state", "organisation", "after", "_count"),
    ),
    "resume": Told(
        scope="u", of="operator/Channel", takes=_SAID, gives={200: OBJECT}, refuses=_DID
    ),
    "late": Told(
        scope="s", of="operator/Task", gives={200: OBJECT}, refuses=(400,),
        parameters=("informed", "after", "_count"),
    ),
    "findings": Told(scope="r", of="operator/Service", gives={200: OBJECT}, refuses=(400,)),
    "reviews": Told(
        scope="s", of="operator/Group", gives={200: OBJECT}, refuses=(400,),
        parameters=("team", "after", "_count"),
    ),
    "review": Told(scope="r", of="operator/Patient", gives={200: OBJECT}, refuses=(404,)),
    "decide": Told(scope="u", of="operator/Group", takes=_SAID, gives={200: OBJECT}, refuses=_DID),
}  # fmt: skip
OPERATOR_ROUTES: Final[Mapping[str, Told]] = {
    f"operating.{name}": told for name, told in _NAMED.items()
}
