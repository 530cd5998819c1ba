"""The server's end of the carrier over gRPC: the port at which parties come in."""

from typing import Any

import grpc
from cryptography import x509

from tff_health.federation.carrier.channel import METHOD, server_credentials, server_options
from tff_health.federation.carrier.reception import Reception
from tff_health.federation.consortium import certificates
from tff_health.federation.errors import FederationError, RefusedError


class GrpcHub(Reception):
    """A `crypto.session.apart.links.Hub` over gRPC; arguments as those of `Reception`."""

    _server: Any = None

    async def start(self, address: str) -> int:
        """Opens the port; returns its number.

        Args:
            address: host:port to listen at; port 0 for any that is free.

        Raises:
            FederationError: if it cannot be opened.
        """
        self._server = grpc.aio.server(options=server_options(self._limits))
        self._server.add_generic_rpc_handlers((_Handler(self._meet),))
        credentials = server_credentials(self._credentials)
        try:
            port = int(self._server.add_secure_port(address, credentials))
        except RuntimeError:
            port = 0
        if not port:
            raise FederationError(
                f"{address}: cannot be listened at: is another program there, or is it no address "
                "of this machine?"
            )
        await self._server.start()
        self.watch()
        return port

    async def close(self, reason: str, *, patience: float = 5.0) -> None:
        """Ends all streams after the messages that are queued, and closes the port.

        Args:
            reason: that sites are told; they may come back.
            patience: seconds for what is queued.
        """
        await super().close(reason, patience=patience)
        if self._server:
            await self._server.stop(patience)
        self.drop()

    async def _meet(self, requests: Any, context: Any) -> None:
        del requests  # read through the context
        await self.join(context, lambda: _certificate_of(context), context.peer())


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # it has no types
    """Knows the one method there is."""

    def __init__(self, join: Any) -> None:
        self._join = join

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method != METHOD:
            return None
        return grpc.stream_stream_rpc_method_handler(self._join)


def _certificate_of(context: Any) -> x509.Certificate:
    shown = context.auth_context().get("x509_pem_cert", [])
    if len(shown) != 1:
        raise RefusedError("it has shown no certificate")
    return certificates.read_certificate(bytes(shown[0]).decode("ascii"))
