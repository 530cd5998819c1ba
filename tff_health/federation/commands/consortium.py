"""Commands of the coordinator and of hospitals that join: keys, certificates and the registry."""

import argparse
from pathlib import Path
from typing import Any

from crypto.parties import AUTHORITY, MAX_CLIENT_ID, Authority, ClientId
from tff_health.atomic import all_or_nothing
from tff_health.federation.consortium import enrolment
from tff_health.federation.consortium.digests import spoken
from tff_health.federation.consortium.registry import Registry, read_registry
from tff_health.federation.site.state import JOURNAL, LEDGER, create_state
from tff_health.federation.study import read_study

_FOLDER = "folder of the coordinator, that `init` made"


def add(commands: Any) -> None:
    """Adds these commands to the parser's."""
    init = commands.add_parser("init", help="found a consortium: CA, server keys, registry")
    init.add_argument("folder", type=Path, help="folder to make, of the coordinator")
    init.add_argument("--name", required=True, help="of the consortium: a-z, 0-9 and -")
    init.add_argument(
        "--host",
        action="append",
        required=True,
        metavar="NAME",
        help="name or address at which sites reach the server; may be given several times",
    )
    init.set_defaults(run=_init)

    enrol = commands.add_parser("enrol", help="make a hospital's keys, and a request for a place")
    enrol.add_argument("folder", type=Path, help="folder to make, of the hospital")
    enrol.add_argument("--name", required=True, help="of the hospital: a-z, 0-9 and -")
    enrol.set_defaults(run=_enrol)

    sign = commands.add_parser("sign", help="take a hospital into the registry")
    sign.add_argument("folder", type=Path, help=_FOLDER)
    sign.add_argument("request", type=Path, help="the hospital's request.json")
    sign.add_argument(
        "--digest", required=True, help="of the request, as the hospital has told it by phone"
    )
    sign.add_argument(
        "--party",
        type=_party,
        metavar="NUMBER|authority",
        help="as what it takes part (default: the next client)",
    )
    sign.add_argument(
        "--days",
        type=_days,
        default=enrolment.CERTIFICATE_DAYS,
        help="for which the certificate holds (default: %(default)s)",
    )
    sign.set_defaults(run=_sign)

    renew = commands.add_parser("renew", help="give the server new keys and a new certificate")
    renew.add_argument("folder", type=Path, help=_FOLDER)
    renew.add_argument("server", type=Path, help="folder to make, of the server's new keys")
    renew.set_defaults(run=_renew)

    revoke = commands.add_parser("revoke", help="shut a member out for good")
    revoke.add_argument("folder", type=Path, help=_FOLDER)
    revoke.add_argument("name", help="of the member")
    revoke.set_defaults(run=_revoke)

    digest = commands.add_parser("digest", help="show a digest, to be compared by phone")
    digest.add_argument("file", type=Path, help="a registry, a request or a study")
    digest.add_argument(
        "--images", type=Path, help="this machine's images, for a study on images of one's own"
    )
    digest.set_defaults(run=_digest)


def _init(options: argparse.Namespace) -> int:
    registry = enrolment.found_consortium(options.folder, options.name, tuple(options.host))
    print(f"made      {options.folder / enrolment.CA_KEY}, which signs; keep it off the network")
    print(f"made      {options.folder / enrolment.SERVER_FOLDER}/, for the server's machine")
    _tell_registry(registry, options.folder)
    return 0


def _enrol(options: argparse.Namespace) -> int:
    files = *enrolment.ENROLLED, JOURNAL, LEDGER
    with all_or_nothing(*(options.folder / name for name in files)):
        request = enrolment.enrol(options.folder, options.name)
        create_state(options.folder)
    print(f"made      {options.folder}/, whose keys never leave this machine")
    print(f"send      {options.folder / enrolment.REQUEST} to the coordinator")
    print(f"digest    {spoken(request.digest)}   tell it by phone")
    return 0


def _sign(options: argparse.Namespace) -> int:
    request = enrolment.read_request(options.request)
    member = enrolment.sign(options.folder, request, options.digest, options.party, options.days)
    print(f"signed    {member}")
    _tell_registry(read_registry(options.folder / enrolment.REGISTRY), options.folder)
    return 0


def _renew(options: argparse.Namespace) -> int:
    registry = enrolment.renew_server(options.folder, options.server)
    print(f"made      {options.server}/, for the server's machine")
    _tell_registry(registry, options.folder)
    return 0


def _revoke(options: argparse.Namespace) -> int:
    member = enrolment.revoke(options.folder, options.name)
    print(f"revoked   {member}")
    _tell_registry(read_registry(options.folder / enrolment.REGISTRY), options.folder)
    return 0


def _tell_registry(registry: Registry, folder: Path) -> None:
    print(
        f"registry  {folder / enrolment.REGISTRY}, serial {registry.serial}: send it to everybody"
    )
    print(f"digest    {spoken(registry.digest)}   compare it by phone")


def _digest(options: argparse.Namespace) -> int:
    if options.file.suffix == ".toml":
        study = read_study(options.file, options.images)
        name, digest = f"study '{study.section.name}'", study.digest
    elif options.file.name == enrolment.REQUEST:
        name, digest = "request", enrolment.read_request(options.file).digest
    else:
        registry = read_registry(options.file)
        name, digest = (
            f"registry '{registry.consortium}', serial {registry.serial}",
            registry.digest,
        )
    print(f"{spoken(digest)}   {name}")
    return 0


def _party(text: str) -> ClientId | Authority:
    if text == AUTHORITY:
        return AUTHORITY
    if not text.isascii() or not text.isdigit() or int(text) > MAX_CLIENT_ID:
        raise argparse.ArgumentTypeError(f"{text!r}: must be 0 to {MAX_CLIENT_ID} or 'authority'")
    return int(text)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"{text!r}: must be from 1 to 3650")
    return int(text)
