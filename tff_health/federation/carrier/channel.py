"""What both ends of gRPC are set to."""

from typing import Any, Final

import grpc

from tff_health.federation.carrier.greeting import MOST_BYTES
from tff_health.federation.carrier.limits import Limits
from tff_health.federation.consortium.credentials import Credentials

METHOD: Final = "/tff_health.federation/Join"
"""The one method: a stream of frames each way."""
_WINDOW: Final = 1 << 20
"""Bytes that travel unread: 10 MB a second over a link of 100 ms; a server holds 4 MB a site."""
_KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


def server_credentials(credentials: Credentials) -> Any:
    """Returns what gRPC takes: clients without a certificate of the CA are refused by TLS."""
    return grpc.ssl_server_credentials(
        [(credentials.key, credentials.certificate)], credentials.ca, require_client_auth=True
    )


def channel_credentials(credentials: Credentials) -> Any:
    """Returns what gRPC takes: the server needs a certificate of the CA for its name."""
    return grpc.ssl_channel_credentials(credentials.ca, credentials.key, credentials.certificate)


def server_options(limits: Limits) -> list[tuple[str, int]]:
    """Returns the server's options."""
    return [
        *_options(limits),
        ("grpc.so_reuseport", 0),  # else two servers share a port, and nobody is told
        ("grpc.max_concurrent_streams", 4),
        ("grpc.max_metadata_size", 8192),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ]


def channel_options(limits: Limits) -> list[tuple[str, int]]:
    """Returns a site's options."""
    return [
        *_options(limits),
        ("grpc.enable_retries", 0),
        ("grpc.use_local_subchannel_pool", 1),
    ]


def _options(limits: Limits) -> list[tuple[str, int]]:
    most = max(limits.piece, MOST_BYTES) + 64
    return [
        ("grpc.max_receive_message_length", most),
        # Fixed windows: those that grow by themselves hold megabytes more for each site.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _WINDOW),
        *_KEEPALIVE,
    ]
