import h5py
import numpy as np
import pytest
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.h5_content import read_h5


@pytest.fixture
def write(tmp_path):
    """Makes an HDF5 file as `fill` says, and gives its bytes."""

    def make(fill) -> bytes:
        path = tmp_path / "theirs.h5"
        with h5py.File(path, "w") as file:
            fill(file)
        return path.read_bytes()

    return make


def test_texts_and_shapes_are_read(write):
    def fill(file):
        file.attrs["a"] = "text"
        file.attrs["b"] = np.bytes_(b"bytes")
        file.attrs["c"] = 7
        file["group/inner/kernel"] = np.zeros((3, 4), np.float32)
        file["group/scalar"] = 1.0
        file["nothing"] = h5py.Empty("f")

    content = read_h5(write(fill), "theirs.h5")
    assert content.texts == {"a": "text", "b": "bytes"}
    assert content.arrays == {"/group/inner/kernel": (3, 4), "/group/scalar": (), "/nothing": ()}


def test_hard_links_in_a_circle_end(write):
    def fill(file):
        file["group/array"] = np.zeros(5)
        file["group/up"] = file["/"]
        file["again"] = file["group/array"]

    arrays = read_h5(write(fill), "theirs.h5").arrays
    assert list(arrays.values()) == [(5,)]


def external_link(file):
    file["w"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file):
    file["real"] = np.zeros(5)
    file["inner/w"] = h5py.SoftLink("/real")


def dangling_link(file):
    file["w"] = h5py.SoftLink("/nowhere")


def virtual(file):
    layout = h5py.VirtualLayout((5,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "w", (5,))
    file.create_virtual_dataset("w", layout)


def values_outside(file):
    file.create_dataset("w", (5,), "f4", external=[("/etc/passwd", 0, 20)])


def never_written(file):
    file.create_dataset("w", (2**20, 2**20), "f4", chunks=(2**10, 2**10))


def well_compressed(file):
    file.create_dataset("w", (2**14, 2**14), "f4", chunks=(2**12, 2**12), compression="gzip", fillvalue=0)
    file["w"][:100] = 0


def many_small(file):
    for number in range(100):
        file.create_dataset(f"w{number}", (2**18,), "f4", chunks=(2**12,))


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (external_link, "w is a link to another place"),
        (soft_link, "w is a link to another place"),
        (dangling_link, "w is a link to another place"),
        (virtual, "/w has its values in another file"),
        (values_outside, "/w has its values in another file"),
        (never_written, "/w takes 4,194,304 MB, far more than the file"),
        (well_compressed, "/w takes 1,024 MB, far more than the file"),
        (many_small, "takes 1 MB, far more than the file"),
    ],
)
def test_what_leads_elsewhere_or_takes_all_memory_is_refused(write, fill, reason: str):
    """Row 31."""
    with pytest.raises(BadModel) as raised:
        read_h5(write(fill), "theirs.h5")
    message = str(raised.value)
    assert message.startswith("theirs.h5: refused: ")
    assert reason in message
    assert message.endswith("; save it again with Keras")


def test_arrays_that_someone_compressed_are_welcome(write):
    def fill(file):
        file.create_dataset("w", data=np.zeros(2**20, np.float32), compression="gzip")

    assert read_h5(write(fill), "theirs.h5").arrays == {"/w": (2**20,)}


def test_an_array_that_cannot_be_read_is_found_before_anyone_needs_it(write):
    def fill(file):
        file.create_dataset("w", data=np.arange(1000), compression="gzip", fletcher32=True)

    content = bytearray(write(fill))
    content[-500] ^= 1
    with pytest.raises(BadModel, match=r"theirs\.h5: not a readable HDF5 file: .*; copy it again"):
        read_h5(bytes(content), "theirs.h5")
