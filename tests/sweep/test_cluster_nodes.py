from dataclasses import replace

import pytest

from edgecls.edge_runtime.errors import BadConfiguration, BadData, MissingInput
from edgecls.sweep.cluster import check_same, data_digest, node_facts


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    for name in ("cat/1.jpg", "dog/1.jpg"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture(autouse=True)
def forget():
    data_digest.cache_clear()


def test_data_that_a_machine_lacks_is_told_with_its_name(tmp_path):
    with pytest.raises(MissingInput, match="none: not on machine fast"):
        node_facts(str(tmp_path / "none"), "fast")


def test_a_data_set_known_by_its_name_needs_no_files():
    assert node_facts("digits", "fast").data_digest == ""


def test_the_same_files_have_the_same_digest_wherever_they_lie(pictures, tmp_path):
    before = data_digest(str(pictures))
    assert data_digest(str(pictures.rename(tmp_path / "moved"))) == before


@pytest.mark.parametrize("change", ["content", "name", "removed", "added"])
def test_other_files_have_another_digest(pictures, change):
    before = data_digest(str(pictures))
    data_digest.cache_clear()
    cat = pictures / "cat" / "1.jpg"
    if change == "content":
        cat.write_bytes(b"xxxxxxxxx")
    elif change == "name":
        cat.rename(cat.with_name("2.jpg"))
    elif change == "removed":
        cat.unlink()
    else:
        cat.with_name("2.jpg").write_bytes(b"")
    assert data_digest(str(pictures)) != before


def test_a_machine_with_another_version_is_refused_by_name():
    here = node_facts("digits", "here")
    there = replace(here, versions={**here.versions, "keras": "3.0"})
    with pytest.raises(BadConfiguration, match=r"machine fast: has keras 3\.0, here it is"):
        check_same(there, here, "fast", "digits")


def test_a_machine_with_other_data_is_refused_by_name():
    here = node_facts("digits", "here")
    with pytest.raises(BadData, match="/data/pets: differs on machine fast"):
        check_same(replace(here, data_digest="f"), here, "fast", "/data/pets")
