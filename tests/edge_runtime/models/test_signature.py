"""Who made a file: every byte of it is covered, in every format, and only trusted keys count."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadConfiguration, BadData, BadModel, MissingInput, Unavailable
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import passed, signature, trial
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.find import builtin_model
from edgecls.edge_runtime.models.model_file import (
    ModelFile,
    attach_to_h5,
    attach_to_onnx,
    attach_to_tflite,
    read_model,
)
from edgecls.edge_runtime.models.named import find_model_file
from edgecls.edge_runtime.models.seal import check_seal, resealed, seal_start, stated_size
from edgecls.edge_runtime.models.signature import (
    SigningKey,
    check_signed,
    is_trusted,
    own_key,
    signer,
    standing,
)
from edgecls.edge_runtime.models.trial import sign_file
from tests.hostile_networks import harmless, sealed

pytest.importorskip("nacl", reason="needs edgecls[sign]")
CARD = ModelCard(("cat", "dog"), ImageRule(4, 4))
KEY, OTHER = (bytes([number]) * 32 for number in (1, 2))


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings and state of the test's own, and none of the machine's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(passed, "_in_this_process", set())
    monkeypatch.setattr(signature, "_EVERYONES_KEYS", tmp_path / "etc" / "trusted_keys")
    (tmp_path / "config" / "edgecls").mkdir(parents=True)
    return tmp_path / "config" / "edgecls"


def trust(settings: Path, *seeds: bytes) -> None:
    lines = [f"{SigningKey(seed).public} from the workshop" for seed in seeds]
    (settings / "trusted_keys").write_text("\n".join(["# whom we trust", *lines, ""]))


@pytest.fixture(params=["tflite", "onnx", "h5"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> ModelFile:
    path = tmp_path / f"model.{request.param}"
    if request.param == "tflite":
        path.write_bytes(attach_to_tflite(b"\x1c\0\0\0TFL3edgecls-bytes:000000000000" + bytes(64), CARD))
    elif request.param == "onnx":
        path.write_bytes(attach_to_onnx(b"\x08\x08", CARD))
    else:
        h5py = pytest.importorskip("h5py", reason="needs edgecls[train]")
        with h5py.File(path, "w") as file:
            file["weights"] = [1, 2, 3]
        passed.remember(attach_to_h5(path, CARD), "hdf5")
    return read_model(path)


def signed(model: ModelFile, seed: bytes = KEY) -> ModelFile:
    content = SigningKey(seed).sign(model)
    model.path.write_bytes(content)
    passed.remember(replace(model, content=content).sha256, "hdf5")
    return read_model(model.path)


def test_a_signed_file_reads_as_before_and_is_trusted_once_its_key_is(model: ModelFile, settings: Path):
    assert signer(model.content) is None
    after = signed(model)
    assert check_seal(after.content) == "holds"
    assert after.card == model.card
    assert after.format == model.format
    if model.format == "tflite":
        assert stated_size(after.content) == len(after.content)
    assert signer(after.content) == SigningKey(KEY).public
    assert not is_trusted(after.content)
    trust(settings, OTHER)
    assert not is_trusted(after.content)
    trust(settings, OTHER, KEY)
    assert is_trusted(after.content)
    check_signed(after)


def test_without_pynacl_no_file_is_trusted(model: ModelFile, settings: Path, monkeypatch):
    def missing() -> None:
        raise Unavailable("PyNaCl is not installed")

    content = signed(model).content
    trust(settings, KEY)
    assert is_trusted(content)
    monkeypatch.setattr(signature, "_nacl", missing)
    assert not is_trusted(content)


def test_another_signature_replaces_the_first(model: ModelFile, settings: Path):
    once = signed(model)
    twice = signed(once, OTHER)
    assert len(twice.content) == len(once.content)
    assert signer(twice.content) == SigningKey(OTHER).public
    assert signed(twice).content == once.content


def test_any_change_ends_it_whatever_the_seal_says(model: ModelFile, settings: Path):
    trust(settings, KEY)
    content = signed(model).content
    seal = range(seal_start(content), seal_start(content) + 79)
    for at in range(0, len(content), max(1, len(content) // 300)):
        if at in seal:
            continue
        changed = resealed(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert not is_trusted(changed), at
    assert not is_trusted(resealed(content + b"more"))
    start = content.rfind(b"edgecls-ed25519:")
    moved = content[: start - 1] + content[start : seal_start(content)] + content[start - 1 : start]
    assert not is_trusted(resealed(moved + content[seal_start(content) :]))


def test_what_is_not_signed_as_required_is_refused_by_name(model: ModelFile, settings: Path):
    with pytest.raises(BadModel, match=r"model\.\w+: not signed; "):
        check_signed(model)
    after = signed(model)
    with pytest.raises(BadModel, match=r"not among the trusted keys; "):
        check_signed(after)
    content = after.content
    changed = replace(after, content=content[:20] + bytes([content[20] ^ 1]) + content[21:])
    assert [standing(each.content) for each in (model, after, changed)] == ["none", "of another key", "wrong"]
    trust(settings, KEY)
    assert standing(content) == "trusted"
    with pytest.raises(BadModel, match=r"its signature is wrong"):
        check_signed(changed)


def test_a_trusted_file_needs_no_trial_and_the_others_are_refused_where_one_is_required(
    tmp_path: Path, settings: Path, monkeypatch
):
    path = tmp_path / "model.onnx"
    path.write_bytes(sealed(harmless()))
    with pytest.raises(BadModel, match="not signed"):
        find_model_file(path, require_signed=True)
    key, place, is_new = own_key(None)
    assert is_new
    assert place.stat().st_mode & 0o777 == 0o600
    sign_file(path, key)
    (settings / "trusted_keys").write_text(key.public)
    monkeypatch.setattr(passed, "_in_this_process", set())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nothing remembered"))
    monkeypatch.setattr(trial, "ask_worker", lambda *_, **__: pytest.fail("it was tried"))
    trial.check_model(find_model_file(path, require_signed=True))
    assert own_key(None)[0].public == key.public
    find_model_file(builtin_model().path, require_signed=True)


def test_a_list_that_others_can_write_is_refused(settings: Path):
    trust(settings, KEY)
    (settings / "trusted_keys").chmod(0o666)
    with pytest.raises(BadConfiguration, match=r"trusted_keys: others can write it; run `"):
        signature.trusted_keys()


@pytest.mark.parametrize("line", ["signing {key}", "{key}=", "garbage", "A" * 44])
def test_a_line_that_begins_with_no_key_is_named(settings: Path, line: str):
    trust(settings, KEY)
    with (settings / "trusted_keys").open("a") as file:
        file.write(line.format(key=SigningKey(OTHER).public) + "\n")
    with pytest.raises(BadConfiguration, match=r"trusted_keys: line 3 begins with no public key; "):
        signature.trusted_keys()


def test_a_key_that_others_can_read_and_a_folder_that_is_not_there_are_refused(tmp_path: Path):
    _, place, is_new = own_key(tmp_path / "release.key")
    assert is_new
    place.chmod(0o644)
    with pytest.raises(BadConfiguration, match=r"release\.key: others can read this secret key; run `chmod "):
        own_key(place)
    with pytest.raises(MissingInput, match="nowhere: no such folder"):
        own_key(tmp_path / "nowhere" / "release.key")


@pytest.mark.parametrize("content", ["not a key", "A" * 40])
def test_a_file_that_holds_no_key_is_not_taken_for_one(tmp_path: Path, content: str):
    (tmp_path / "my.key").write_text(content)
    (tmp_path / "my.key").chmod(0o600)
    with pytest.raises(BadData, match=r"my\.key: not a signing key"):
        own_key(tmp_path / "my.key")
