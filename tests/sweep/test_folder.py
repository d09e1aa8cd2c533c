import json
import re
from dataclasses import replace

import pytest

from edgecls.edge_runtime.errors import BadConfiguration, BadData, MissingInput, UsageError
from edgecls.sweep.folder import Plan, open_folder
from tests.hostile_values import hostile_documents

PLAN = Plan("/data/pets.zip", "a" * 64, 10, 1)


def test_a_sweep_goes_on_under_the_key_that_it_began_with(tmp_path):
    begun = open_folder(tmp_path / "sweep", PLAN, resume=False)
    assert open_folder(tmp_path / "sweep", PLAN, resume=True) == begun


def test_two_sweeps_have_two_keys(tmp_path):
    keys = {open_folder(tmp_path / name, PLAN, resume=False).key for name in ("a", "b")}
    assert len(keys) == 2


def test_a_sweep_without_a_finished_trial_can_be_begun_anew_with_other_options(tmp_path):
    open_folder(tmp_path, PLAN, resume=False)
    open_folder(tmp_path, replace(PLAN, epochs=5), resume=False)
    open_folder(tmp_path, replace(PLAN, epochs=5), resume=True)


def test_a_sweep_is_not_begun_over_another(tmp_path):
    open_folder(tmp_path, PLAN, resume=False).trial("cnn").mkdir(parents=True)
    with pytest.raises(UsageError, match="already has a sweep; continue it with --resume"):
        open_folder(tmp_path, PLAN, resume=False)


def test_there_must_be_a_sweep_to_go_on_with(tmp_path):
    with pytest.raises(MissingInput, match=r"sweep\.json: no such file; leave out --resume"):
        open_folder(tmp_path, PLAN, resume=True)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"epochs": 5}, "started with --epochs 10, not 5"),
        ({"epochs": None}, "started with --epochs 10, not left out"),
        ({"data": "digits"}, "started with --data /data/pets.zip, not digits"),
        ({"threads": 2}, "started with --cpus-per-trial 1, not 2"),
        ({"data_digest": "b" * 64}, "has changed since the sweep was started"),
    ],
)
def test_it_goes_on_with_the_same_alone(tmp_path, other, message):
    open_folder(tmp_path, PLAN, resume=False)
    with pytest.raises(BadConfiguration, match=message):
        open_folder(tmp_path, replace(PLAN, **other), resume=True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"key": "a", "colour": 1}'])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(BadData, match=r"sweep\.json: damaged"):
        open_folder(tmp_path, PLAN, resume=True)


def test_whatever_stands_in_it_is_used_or_refused_in_one_line(tmp_path):
    open_folder(tmp_path, PLAN, resume=False)
    file = tmp_path / "sweep.json"
    for text in hostile_documents(json.loads(file.read_text()), 100):
        file.write_text(text)
        try:
            key = open_folder(tmp_path, PLAN, resume=True).key
        except (BadData, BadConfiguration):
            key = "0"
        assert re.fullmatch("[0-9a-f]+", key)


def test_a_key_that_leads_out_of_the_temporary_folder_is_refused(tmp_path):
    open_folder(tmp_path, PLAN, resume=False)
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"key": "/../../home"}))
    with pytest.raises(BadData, match="its key is not hexadecimal"):
        open_folder(tmp_path, PLAN, resume=True)
