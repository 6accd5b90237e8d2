"""Label names of verifier checkpoints -> the classes of a verdict: a table, extended by configuration."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, cast, get_args

from models.weights import ModelLoadError

LabelClass = Literal["entail", "neutral", "contradict", "not_entail"]
"""``not_entail`` is the other side of a two-class head: neither neutral nor contradict can be told from it."""

DEFAULT_LABELS: Mapping[str, LabelClass] = MappingProxyType(
    {
        "entail": "entail",
        "entails": "entail",
        "entailment": "entail",
        "support": "entail",
        "supported": "entail",
        "supports": "entail",
        "grounded": "entail",
        "consistent": "entail",
        "faithful": "entail",
        "neutral": "neutral",
        "not enough info": "neutral",
        "contradict": "contradict",
        "contradicts": "contradict",
        "contradiction": "contradict",
        "refuted": "contradict",
        "refutes": "contradict",
        "not_entailment": "not_entail",
        "non_entailment": "not_entail",
        "not_supported": "not_entail",
        "unsupported": "not_entail",
        "ungrounded": "not_entail",
        "not_grounded": "not_entail",
        "inconsistent": "not_entail",
        "unfaithful": "not_entail",
        "hallucinated": "not_entail",
        "hallucination": "not_entail",
    }
)


def map_labels(id_to_label: Mapping[int, str], label_map: Mapping[str, str]) -> tuple[LabelClass, ...]:
    """The class of each output of a head, in order. ``label_map`` (case is ignored) goes before the default table.

    :class:`ModelLoadError` for a label in neither table, an unknown class, or a head in which nothing means entail.
    """
    configured = {label.lower(): target for label, target in label_map.items()}
    unknown = sorted(set(configured.values()) - set(get_args(LabelClass)))
    if unknown:
        raise ModelLoadError(f"label_map names {', '.join(unknown)}; classes are {', '.join(get_args(LabelClass))}.")
    classes = []
    for index in range(len(id_to_label)):
        label = id_to_label[index]
        target = configured.get(label.lower()) or DEFAULT_LABELS.get(label.lower())
        if target is None:
            raise ModelLoadError(
                f"label {label!r} of the verifier (output {index}) is in neither label_map nor the default table; "
                f"add it to label_map, for instance label_map: {{{label!r}: entail}}. "
                f"Known labels: {', '.join(sorted(DEFAULT_LABELS))}."
            )
        classes.append(cast(LabelClass, target))
    if "entail" not in classes:
        raise ModelLoadError(
            f"no label of the verifier means entail: {', '.join(id_to_label.values())}; set label_map."
        )
    return tuple(classes)
