#!/usr/bin/env bash
# grpcio 1.76.0 (gRPC C core). In an environment that names an HTTP proxy, as in most hospitals, a channel
# to `unix:PATH` is made directly, but one to `unix-abstract:NAME`, which cannot leave the machine either,
# is sent through the proxy. Channel option grpc.enable_http_proxy=0 makes it directly.
# Output seen: "unix: answered", "unix-abstract: UNAVAILABLE", "unix-abstract without proxy: answered".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.76.0
env -u no_proxy -u NO_PROXY http_proxy=http://127.0.0.1:9 "$work/venv/bin/python" - "$work" <<'PY'
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

TARGETS = {"unix": f"unix:{sys.argv[1]}/socket", "unix-abstract": f"unix-abstract:finding-{sys.argv[1]}"}
METHOD = "/echo.Echo/Say"


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


server = grpc.server(ThreadPoolExecutor(2), handlers=[Echo()])
for target in TARGETS.values():
    server.add_insecure_port(target)
server.start()


def call(target, **options):
    with grpc.insecure_channel(target, options=list(options.items())) as channel:
        try:
            channel.unary_unary(METHOD)(b"hello", timeout=10)
        except grpc.RpcError as error:
            return error.code().name
    return "answered"


seen = {name: call(target) for name, target in TARGETS.items()}
without = {"grpc.enable_http_proxy": 0}
seen["unix-abstract without proxy"] = call(TARGETS["unix-abstract"], **without)
server.stop(None)
for name, outcome in seen.items():
    print(f"{name}: {outcome}")
expected = {
    "unix": "answered",
    "unix-abstract": "UNAVAILABLE",
    "unix-abstract without proxy": "answered",
}
sys.exit(0 if seen == expected else "this has changed")
PY
