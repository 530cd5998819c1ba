"""NVFlare's homomorphic encryption: the kits that it provisions, and its filters at clients.

Usage: python nvflare_run.py CLIENTS COORDINATES     by NVFlare's Python; prints JSON
"""

import json
import logging
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tenseal
from nvflare.apis.dxo import DXO, DataKind, MetaKey
from nvflare.apis.fl_context import FLContext
from nvflare.app_opt.he.model_encryptor import HEModelEncryptor

logging.disable(logging.CRITICAL)

BUILDERS = """
builders:
  - path: nvflare.lighter.impl.workspace.WorkspaceBuilder
    args: {template_file: [master_template.yml]}
  - {path: nvflare.lighter.impl.static_file.StaticFileBuilder, args: {config_folder: config}}
  - {path: nvflare.lighter.impl.he.HEBuilder, args: {}}
  - {path: nvflare.lighter.impl.cert.CertBuilder, args: {}}
  - {path: nvflare.lighter.impl.signature.SignatureBuilder, args: {}}
"""


def provisioned(folder, names):
    """Provisions a project; returns TenSEAL's contexts of the clients and of the server."""
    lines = ["api_version: 3", "name: project", "description: of a benchmark", "participants:"]
    lines += ["  - {name: server1, type: server, org: org, fed_learn_port: 8002, admin_port: 8003}"]
    lines += [f"  - {{name: {name}, type: client, org: org}}" for name in names]
    lines += ["  - {name: admin@org.org, type: admin, org: org, role: project_admin}"]
    (folder / "project.yml").write_text("\n".join(lines) + BUILDERS)
    command = [str(Path(sys.executable).with_name("nvflare")), "provision", "-p", "project.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    clients = {}
    for path in folder.rglob("client_context.tenseal"):
        clients[next(name for name in names if name in path.parts)] = path.read_bytes()
    servers = list(folder.rglob("server_context.tenseal"))
    assert len(clients) == len(names), done.stdout + done.stderr
    return clients, servers[0].read_bytes()


def contexts(name):
    own, peer = FLContext(), FLContext()
    peer.set_prop("__identity_name__", name, private=False, sticky=False)
    own.set_peer_context(peer)
    return own


def main(clients, coordinates):
    rng = np.random.default_rng(0)
    names = [f"site-{number}" for number in range(1, clients + 1)]
    values = [rng.normal(0, 0.01, coordinates) for _ in names]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        kits, server = provisioned(Path(folder), names)
        provisioned_in = time.perf_counter() - start
    keys = {name: tenseal.context_from(kit) for name, kit in kits.items()}
    server_key = tenseal.context_from(server)

    def encrypted(name, vector):
        encryptor = HEModelEncryptor()
        encryptor.tenseal_context, encryptor.encrypt_layers = keys[name], [True]
        meta = {MetaKey.NUM_STEPS_CURRENT_ROUND: 1}
        update = DXO(DataKind.WEIGHT_DIFF, {"w": vector.copy()}, meta)
        return encryptor.process_dxo(update, None, contexts(name)).data["w"].serialize()

    start = time.perf_counter()
    sent = [encrypted(name, vector) for name, vector in zip(names, values, strict=True)]
    uploaded = time.perf_counter()

    def mean(rows):
        total = tenseal.ckks_vector_from(server_key, sent[rows[0]])
        for row in rows[1:]:
            total += tenseal.ckks_vector_from(server_key, sent[row])
        total *= 1 / len(rows)
        return total.serialize()

    result = mean(range(clients))
    summed = time.perf_counter()

    def error(data, rows):
        found = tenseal.ckks_vector_from(keys[names[0]], data).decrypt()
        return float(np.abs(found - np.mean([values[row] for row in rows], 0)).max())

    largest = error(result, range(clients))
    whole = time.perf_counter()
    rest = range(1, clients)
    told = {
        "version": version("nvflare"),
        "seconds": {
            "provision, once": provisioned_in,
            "encrypt": uploaded - start,
            "sum": summed - uploaded,
            "decrypt, one client": whole - summed,
            "whole": whole - start,
        },
        "bytes_up": {"encrypt": len(sent[0])},
        "largest_error": largest,
        "largest_error_with_one_lost": error(mean(rest), rest),
        "kits_that_hold_the_secret_key": sum(key.has_secret_key() for key in keys.values()),
        "different_kits": len(set(kits.values())),
        "server_holds_the_secret_key": server_key.has_secret_key(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
