"""Names of split folders: which part of a data set a folder is, as people and download sites call them.

`train`, `Training`, `training_set`, `train_images`, `seg_train`, `valid`, `dev`, `test1`, `seg_pred`. A name
alone decides nothing, because a class may be called `train`: `splits.py` looks at what is inside, too.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

PartName = Literal["train", "val", "test"]
Kind = Literal["train", "val", "test", "late", "unlabelled"]
"""`late` (eval, holdout) is test where there is no other, else val; `unlabelled` (pred) has no labels."""

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("train", "training", "trainset", "trainingset", "traindata", "trainingdata", "trn", "trainval"),
        "train",
    ),
    **dict.fromkeys(
        ("val", "vali", "valid", "validate", "validation", "valset", "validset", "validationset"), "val"
    ),
    **dict.fromkeys(("dev", "devel", "devset", "development"), "val"),
    **dict.fromkeys(("test", "tests", "testing", "testset", "testingset", "testdata", "tst"), "test"),
    **dict.fromkeys(
        ("eval", "evaluate", "evaluation", "evalset", "holdout", "heldout", "unseen", "query"), "late"
    ),
    **dict.fromkeys(
        (
            "pred",
            "predict",
            "prediction",
            "predictions",
            "unlabeled",
            "unlabelled",
            "inference",
            "submission",
        ),
        "unlabelled",
    ),
}
_FOREIGN: dict[Kind, str] = {
    "train": "entrenamiento treino treinamento apprentissage entraînement entrainement addestramento "
    "trening обучение обучающая обучающий тренировка тренировочная 训练 训练集 訓練 訓練集 学習 학습 eğitim "
    "szkolenie träning 訓練データ 学習データ 訓練用 学習用",
    "val": "validación validacion validação validacao validazione validierung валидация валидационная "
    "验证 验证集 驗證 驗證集 検証 검증 doğrulama walidacja validering 検証用",
    "test": "prueba pruebas teste testes essai prova тест тестовая тестовый 测试 测试集 測試 測試集 テスト "
    "테스트 시험 prüfung pruefung testowy",
}
"""How data sets in other languages call them."""
_KINDS |= {word: kind for kind, words in _FOREIGN.items() for word in words.split()}
_PAIRS = {("held", "out"): "heldout", ("hold", "out"): "holdout"}
_CONTAINER_WORDS = """
image images img imgs jpg jpgs jpeg jpegs jpegimages png pngs pic pics picture pictures photo photos data
dataset datasets file files folder folders dir sample samples labels labeled labelled annotation annotations
imagesets mask masks meta metadata bbox bboxes
"""
_CONTAINERS = frozenset(_CONTAINER_WORDS.split())
"""Words for what holds pictures, or notes about them, and not for what is on them."""
_FILLER_WORDS = """
set sets split splits class classes label all raw resized cropped full new final the of my extra extras misc
crops input output
"""
_FILLERS = _CONTAINERS | frozenset(_FILLER_WORDS.split())
"""Words that say nothing beside another: `my_train_set_2`."""
_PIECE_WORDS = """
part parts piece batch fold chunk shard volume vol subset bin set session day recording rec take clip run
"""
_PIECES = frozenset(_PIECE_WORDS.split())
"""Words for one of several equal pieces of a data set, with a number: `part_1`, `fold2`, `day3`."""
_VERSION_WORDS = """
color colour grayscale greyscale gray grey segmented segmentation segmentations original originals augmented
augmentation processed preprocessed rgb ir depth thermal edges small medium large hd thumbnails thumbs
"""
_VERSIONS = frozenset(_VERSION_WORDS.split())
"""Words for one of several versions of the same pictures."""
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DATE = re.compile(r"(19|20)\d\d([-_. ]?\d\d){1,2}([-_T. ].*)?")


@dataclass(frozen=True)
class SplitName:
    """What the name of a split folder says."""

    kind: Kind
    rest: tuple[str, ...]
    """Its other words, such as ("seg",) in `seg_train`: the same for the folders of one data set."""


def split_name(name: str) -> SplitName | None:
    """Returns what a folder's name says about a split; None where it names none, or two.

    >>> split_name("Training_Set")
    SplitName(kind='train', rest=())
    >>> split_name("seg_pred")
    SplitName(kind='unlabelled', rest=('seg',))
    >>> split_name("training wheels set") == SplitName("train", ("wheels",))
    True
    """
    words = _words(name)
    found = [word for word in words if word in _KINDS]
    if len(set(found)) != 1:
        return None
    rest = tuple(word for word in words if word not in found and not _is_filler(word))
    return SplitName(_KINDS[found[0]], rest)


def is_container(name: str) -> bool:
    """Whether a name says only that there are pictures or data inside: `images`, `JPEGImages`, `data_2`."""
    words = _words(name)
    return all(map(_is_filler, words)) and any(word in _CONTAINERS for word in words)


def is_leftover(name: str) -> bool:
    """Whether a name says nothing of what is on the pictures: `extra`, `all_images`, `submission`."""
    words = [word for word in _words(name) if not word.isdecimal()]
    return bool(words) and all(word in _FILLERS or _KINDS.get(word) == "unlabelled" for word in words)


def are_pieces(names: list[str]) -> bool:
    """Whether names are those of equal pieces of one data set: `images_part_1` and `images_part_2`, folds."""
    words = [_words(name) for name in names]
    common = {tuple(word for word in each if not word.isdecimal()) for each in words}
    numbered = all(any(word.isdecimal() for word in each) for each in words)
    if len(names) < 2 or len(common) != 1 or not numbered:
        return False
    return any(word in _PIECES or word in _CONTAINERS for word in common.pop())


def is_version(name: str) -> bool:
    """Whether a name is that of a version of pictures: `color`, `grayscale`, `segmentations`, `resized`."""
    words = _words(name)
    is_known = all(word in _VERSIONS or _is_filler(word) for word in words)
    return bool(words) and is_known and not name.isdecimal()


def is_date(name: str) -> bool:
    """Whether a name is that of a day: `monday`, `2024-05-01`."""
    return name.lower() in (*_WEEKDAYS, *(day[:3] for day in _WEEKDAYS)) or _DATE.fullmatch(name) is not None


def _words(name: str) -> list[str]:
    """Splits a name at anything but letters, at digits and at capitals, in lower case."""
    composed = unicodedata.normalize("NFC", name)
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+|[A-Z]+", composed)
    words = [part.casefold() for part in parts]
    for at in range(len(words) - 1):
        if joined := _PAIRS.get((words[at], words[at + 1])):
            return [*words[:at], joined, *words[at + 2 :]]
    return words


def _is_filler(word: str) -> bool:
    return word in _FILLERS or word.isdecimal()
