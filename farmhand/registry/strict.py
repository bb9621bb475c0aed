"""Request bodies are read as strictly as everywhere on the wire; Litestar alone would take "3632" for 3632."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

AnyRequest = Request[Any, Any, Any]


class StrictRequest(AnyRequest):
    """A request whose JSON body is exactly the message that its route takes, or refused."""

    async def json(self) -> Any:
        """Read the body.

        Raises:
            HTTPException: 400 for what is no JSON, 422 for what is another message.
        """
        field = self.route_handler.parsed_data_field
        assert field is not None
        try:
            return msgspec.json.decode(await self.body(), type=field.annotation)
        except msgspec.ValidationError as wrong:
            raise HTTPException(detail=f"that is not the message expected here: {wrong}", status_code=422) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise HTTPException(detail=f"the body is not JSON: {wrong}", status_code=400) from None


def only_json(request: AnyRequest) -> None:
    """Refuse bodies that a web page could make a visitor's browser send without asking first, and empty ones.

    Raises:
        HTTPException: 415 for a body that does not say that it is JSON, 422 for none.
    """
    if request.method not in ("POST", "PUT"):
        return
    kind, _ = request.content_type
    if kind != "application/json":
        raise HTTPException(detail="the body must be application/json", status_code=415)
    if request.headers.get("content-length") == "0":
        raise HTTPException(detail="the body is empty; a message in JSON is expected", status_code=422)
