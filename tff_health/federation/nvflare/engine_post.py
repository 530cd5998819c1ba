"""The post of NVFlare: aux messages between the programs of one job."""

from typing import Any, Final

from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable, make_reply

from tff_health.federation.nvflare.post import PostError, Take

_DATA: Final = "data"


class EnginePost:
    """A `tff_health.federation.nvflare.post.Post` over the engine of a job's program.

    Args:
        engine: NVFlare's, at the server or at a client.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def send(self, target: str, topic: str, data: bytes, seconds: float) -> bytes:
        """Sends a message, and returns the answer; PostError if there is none."""
        request = Shareable()
        request[_DATA] = data
        with self._engine.new_context() as context:
            replies = self._engine.send_aux_request(
                targets=[target],
                topic=topic,
                request=request,
                timeout=seconds,
                fl_ctx=context,
                optional=True,
            )
        reply = (replies or {}).get(target)
        if not isinstance(reply, Shareable):
            raise PostError(f"NVFlare knows no {target} that it could reach")
        code, answer = reply.get_return_code(), reply.get(_DATA)
        if code != ReturnCode.OK or not isinstance(answer, bytes):
            raise PostError(f"NVFlare says {code} of {target}")
        return answer

    def listen(self, topic: str, take: Take) -> None:
        """Has messages of a topic taken; once for each topic."""

        def handle(topic: str, request: Shareable, fl_ctx: FLContext) -> Shareable:  # noqa: ARG001
            data = request.get(_DATA)
            peer = fl_ctx.get_peer_context()
            if not isinstance(data, bytes) or peer is None:
                return make_reply(ReturnCode.BAD_REQUEST_DATA)
            reply = make_reply(ReturnCode.OK)
            reply[_DATA] = take(data, peer.get_identity_name(default=""))
            return reply

        self._engine.register_aux_message_handler(topic=topic, message_handle_func=handle)
