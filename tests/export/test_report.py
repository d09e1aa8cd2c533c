import json

from edgecls.export.parity import ParityReport
from edgecls.export.report import ExportedFile, ExportReport, render


def exported(name: str, *warnings: str, is_useless: bool = False) -> ExportedFile:
    parity = ParityReport(name, 1000, 10, 0.0, 1.0, 0.5, 0.5)
    return ExportedFile(parity, None, {"noise": 1.0}, warnings=warnings, is_useless=is_useless)


def test_a_warning_of_all_files_is_said_once_and_of_some_with_their_names():
    files = (exported("a.tflite", "is weak"), exported("b.onnx", "is weak", "lost much"))
    lines = render(ExportReport(files, "pets", 300, ("copies",))).splitlines()
    assert lines[-3:] == ["warning: all files: is weak", "warning: b.onnx: lost much", "warning: copies"]


def test_an_export_is_useless_if_every_file_is():
    useless, fine = exported("a.tflite", is_useless=True), exported("b.tflite")
    assert ExportReport((useless, useless), "pets", 300).is_useless
    assert not ExportReport((useless, fine), "pets", 300).is_useless


def test_the_json_has_the_warnings_of_each_file():
    (file,) = json.loads(ExportReport((exported("a.tflite", "is weak"),), "pets", 300).to_json())
    assert (file["warnings"], file["is_useless"]) == (["is weak"], False)
