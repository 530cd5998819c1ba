"""Programs that are apart compare how they decode images, before the first round."""

import asyncio
from types import SimpleNamespace

import pytest

from tests.tff_health.federation.deployment import Deployment
from tff_health.data.own import fingerprint
from tff_health.federation.programs import server, site
from tff_health.federation.programs.server import ServerPlaces
from tff_health.federation.programs.study_data import decoding_of


class ReachedError(Exception):
    """The program has come to its greeting."""


@pytest.fixture(params=["ham10000", "digits"])
def deployed(request, tmp_path):
    return Deployment(tmp_path, {"dataset": request.param, "scheme": "bonawitz"})


@pytest.fixture
def wanted(deployed):
    is_decoded = deployed.study.dataset == "ham10000"
    return fingerprint.take().digest if is_decoded else b""


def test_only_studies_on_image_files_compare(deployed, wanted):
    assert decoding_of(deployed.study) == wanted
    assert len(wanted) in (0, 32)


def test_a_site_says_it(deployed, wanted, monkeypatch):
    def of(study, registry, decoding=b""):
        raise ReachedError(study, decoding)

    monkeypatch.setattr(site, "_prepare", lambda *_: None)
    monkeypatch.setattr(site, "_evidence", lambda *_: (None, None))
    monkeypatch.setattr(site, "_tasks", lambda *_: None)
    monkeypatch.setattr(site.Greeting, "of", of)
    with pytest.raises(ReachedError) as reached:
        asyncio.run(site.take_part(deployed.folder / "hospital-1.toml", None, None))
    assert reached.value.args == (deployed.study.digest, wanted)


def test_the_server_says_it(deployed, wanted, monkeypatch, tmp_path):
    def hub(_credentials, study, _registry, spool, decoding=b""):
        assert spool.parent == tmp_path
        raise ReachedError(study, decoding)

    monkeypatch.setattr(server, "ServerRun", lambda *_: SimpleNamespace(scratch=tmp_path))
    monkeypatch.setattr(server, "GrpcHub", hub)
    folder = deployed.folder
    places = ServerPlaces(
        study=folder / "study.toml",
        keys=folder / "ca/server",
        registry=folder / "ca/registry.json",
        results=folder / "results",
        listen="",
        data=None,
        images=None,
        cache=None,
    )
    with pytest.raises(ReachedError) as reached:
        asyncio.run(server.serve_study(places))
    assert reached.value.args == (deployed.study.digest, wanted)
