import pytest
from edgecls.edge_runtime.inspection.keras_config import (
    class_names,
    computing_layers,
    dtype_of,
    name_of,
    saved_shape,
    tensors_of,
)


def test_classes_are_found_at_any_depth():
    options = {"bias_initializer": {"class_name": "Zeros", "config": {}}, "inside": [[{"class_name": "X"}]]}
    model = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": options}]}}
    assert set(class_names(model)) == {"Sequential", "Dense", "Zeros", "X"}


def test_a_name_of_a_class_that_is_no_text_is_none():
    assert list(class_names({"class_name": ["Lambda"]})) == []


def test_nothing_is_too_deep():
    model = {"class_name": "innermost"}
    for _ in range(100_000):
        model = {"config": [model]}
    assert list(class_names(model)) == ["innermost"]


def test_layers_of_models_inside_are_listed_and_inputs_are_not():
    def layer(kind):
        return {"class_name": kind, "config": {"name": kind}}

    inner = {"class_name": "Functional", "config": {"layers": [layer("InputLayer"), layer("Dense")]}}
    model = {"class_name": "Sequential", "config": {"layers": [layer("Conv2D"), inner, layer("Dense")]}}
    assert list(computing_layers(model)) == ["Conv2D", "Dense", "Dense"]


def keras_3(*history) -> dict:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None], "keras_history": list(history)}}


@pytest.mark.parametrize(
    "call",
    [
        [[["a", 0, 1, {}], ["b", 2, 0, {}]]],  # Keras 2
        {"args": [[keras_3("a", 0, 1), keras_3("b", 2, 0)]], "kwargs": {"mask": None}},
        {"left": ["a", 0, 1], "right": ["b", 2, 0]},  # outputs by name
    ],
    ids=["Keras 2", "Keras 3", "by name"],
)
def test_the_tensors_of_a_call_are_found_as_each_keras_wrote_them(call):
    assert list(tensors_of(call)) == [("a", 0, 1), ("b", 2, 0)]


def test_a_name_may_stand_beside_the_options_or_in_them():
    assert name_of({"name": "beside", "config": {"name": "in"}}) == "beside"
    assert name_of({"config": {"name": "in"}}) == "in"


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({"dtype": "float16"}, "float16"),
        ({}, "float32"),
        ({"dtype": None}, "float32"),
        ({"dtype": {"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}}, "bfloat16"),
    ],
)
def test_the_type_is_the_layers_or_that_of_its_policy(options: dict, dtype: str):
    assert dtype_of({"config": options}) == dtype


@pytest.mark.parametrize(
    ("layer", "model"),
    [
        ({"batch_shape": [None, 3]}, {}),
        ({"batch_input_shape": [None, 3]}, {}),
        ({}, {"build_input_shape": [None, 3]}),
    ],
)
def test_the_first_shape_is_where_each_keras_wrote_it(layer: dict, model: dict):
    assert saved_shape({"config": layer}, {"config": model}) == (None, 3)


def test_a_model_that_was_never_built_has_none():
    assert saved_shape({"config": {}}, {"config": []}) is None
