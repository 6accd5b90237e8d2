"""Text to token ids with exact character offsets, on the ``tokenizers`` library alone: no torch here.

The tokenizer's own truncation and padding are switched off (all-MiniLM-L6-v2 ships with both), and special tokens
written out in a user's text ("[SEP]") are read as text. Windows are slices of one pass over the whole text, so a text
has the same tokens however it is windowed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import Encoding, Regex, pre_tokenizers
from tokenizers.models import WordPiece

from models.weights import ModelLoadError, read_json
from models.words import content_characters

_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD_CHARACTERS = 96
_PROBES = ("a", "the", "0", ".", "e", "A")
_CUT_INSIDE, _CUT_AT_SPACE, _CUT_AFTER_SENTENCE = 0, 1, 2
_SPACE, _LINE_BREAK, _SENTENCE_END = 1, 2, 4


def _character_kinds() -> NDArray[np.uint8]:
    """(65536,) bits of the characters that matter for spans and cuts, by code point; all others are 0."""
    kinds = np.zeros(0x10000, dtype=np.uint8)
    kinds[[code for code in range(0x3001) if chr(code).isspace()]] |= _SPACE
    kinds[[10, 13, 0x85, 0x2028, 0x2029]] |= _LINE_BREAK
    kinds[[ord(character) for character in ".!?…。！？؟"]] |= _SENTENCE_END
    return kinds


_KINDS = _character_kinds()


@dataclass(frozen=True, eq=False)
class TokenizedText:
    """The tokens of one text, without special tokens.

    ``ids``: (tokens,) int64. ``char_spans``: (tokens, 2) int32 into the text as sent; starts and ends never decrease,
    and two spans are either disjoint or the same (pieces of one character share its span). ``content``: (tokens,) bool,
    False for punctuation and function words. ``cut_ranks``: (tokens,) int8, how good a place it is to cut before the
    token: 2 after a sentence or line, 1 at white space, 0 inside a word.
    """

    ids: NDArray[np.int64]
    char_spans: NDArray[np.int32]
    content: NDArray[np.bool_]
    cut_ranks: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class PairTemplate:
    """The special tokens around a pair: ``before`` A ``between`` B ``after``, and the type ids of both parts."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    types_before: tuple[int, ...]
    types_between: tuple[int, ...]
    types_after: tuple[int, ...]
    type_first: int
    type_second: int

    @property
    def size(self) -> int:
        """Special tokens of a pair."""
        return len(self.before) + len(self.between) + len(self.after)


class Tokenizer:
    """A fast tokenizer that takes any Python string and never cuts it off."""

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True
        if isinstance(backend.model, WordPiece):
            _split_long_words(backend)
        self._backend = backend

    @classmethod
    def from_folder(cls, folder: Path) -> Tokenizer:
        """Load ``folder/tokenizer.json``; :class:`ModelLoadError` when it is missing or unreadable."""
        content = read_json(folder, "tokenizer.json")
        if not content:
            raise ModelLoadError(
                f"model folder {folder} has no tokenizer.json: save a fast tokenizer into it: "
                "transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)."
            )
        if not isinstance(content.get("model"), dict):
            raise ModelLoadError(f"{folder / 'tokenizer.json'} has no 'model' entry; it is not a fast tokenizer.")
        return cls(tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")))

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids, added tokens included."""
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    def token_id(self, token: str) -> int | None:
        """The id of a token's exact name, None when there is none."""
        identifier: int | None = self._backend.token_to_id(token)
        return identifier

    def count(self, text: str) -> int:
        """Number of tokens of ``text``, special tokens not counted."""
        return len(self._backend.encode(_encodable(text), add_special_tokens=False).ids)

    def encode(self, text: str) -> TokenizedText:
        """Ids, character spans, content mask and places to cut."""
        encoding = self._backend.encode(_encodable(text), add_special_tokens=False)
        kinds = _KINDS[np.minimum(_code_points(text), 0xFFFF)]
        spans = _clean_spans(np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2), kinds)
        return TokenizedText(
            ids=np.array(encoding.ids, dtype=np.int64),
            char_spans=spans,
            content=_any_in_spans(content_characters(text), spans),
            cut_ranks=_cut_ranks(kinds, spans),
        )

    @cached_property
    def single_template(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids that the model expects before and after a text ([CLS] and [SEP] of BERT)."""
        encoding = self._probe(pair=False)
        before, after = _special_runs(encoding)
        return tuple(encoding.ids[:before]), tuple(encoding.ids[after:])

    @cached_property
    def pair_template(self) -> PairTemplate:
        """The special tokens of a pair; :class:`ModelLoadError` when the tokenizer does not separate the parts."""
        encoding = self._probe(pair=True)
        sequence_ids: Sequence[int | None] = encoding.sequence_ids
        first = [index for index, part in enumerate(sequence_ids) if part == 0]
        second = [index for index, part in enumerate(sequence_ids) if part == 1]
        between = slice(first[-1] + 1, second[0])
        if not encoding.ids[between]:
            raise ModelLoadError("the tokenizer puts nothing between the parts of a pair; it is not one of a verifier.")
        ids, types = encoding.ids, encoding.type_ids
        return PairTemplate(
            before=tuple(ids[: first[0]]),
            between=tuple(ids[between]),
            after=tuple(ids[second[-1] + 1 :]),
            types_before=tuple(types[: first[0]]),
            types_between=tuple(types[between]),
            types_after=tuple(types[second[-1] + 1 :]),
            type_first=types[first[0]],
            type_second=types[second[0]],
        )

    def _probe(self, pair: bool) -> Encoding:
        for probe in _PROBES:
            if self._backend.encode(probe, add_special_tokens=False).ids:
                return self._backend.encode(probe, probe if pair else None)
        raise ModelLoadError(
            f"the tokenizer yields no token for any of {', '.join(_PROBES)}; its vocabulary is unusable."
        )


def _split_long_words(backend: tokenizers.Tokenizer) -> None:
    """Let a WordPiece tokenizer read long words in parts; it would answer one unknown token for the whole word."""
    parts = pre_tokenizers.Split(Regex(rf"[\s\S]{{1,{_WORD_CHARACTERS}}}"), "isolated")
    present = backend.pre_tokenizer
    backend.pre_tokenizer = parts if present is None else pre_tokenizers.Sequence([present, parts])


def _special_runs(encoding: Encoding) -> tuple[int, int]:
    """Length of the leading run of special tokens, start of the trailing one."""
    text_positions = [index for index, part in enumerate(encoding.sequence_ids) if part is not None]
    return text_positions[0], text_positions[-1] + 1


def _encodable(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD: same length, same offsets."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _clean_spans(spans: NDArray[np.int32], kinds: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Spans without outer white space, each non-empty, increasing, and pairwise either disjoint or equal."""
    if not len(spans):
        return spans
    size = len(kinds)
    starts, ends = _trim(spans, (kinds & _SPACE) > 0)
    starts = np.minimum(np.maximum.accumulate(starts), size - 1)
    ends = np.maximum(ends, starts + 1)
    group_starts, group = np.unique(starts, return_inverse=True)
    group_ends = np.zeros(len(group_starts), dtype=np.int32)
    np.maximum.at(group_ends, group, ends)
    group_ends[:-1] = np.minimum(group_ends[:-1], group_starts[1:])
    return np.stack([starts, group_ends[group]], axis=1).astype(np.int32)


def _trim(spans: NDArray[np.int32], is_space: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Starts and ends moved over white space; a span of nothing but white space stays as it is."""
    size = len(is_space)
    position = np.arange(size, dtype=np.int32)
    next_text = np.append(np.minimum.accumulate(np.where(is_space, size, position)[::-1])[::-1], size)
    text_before = np.insert(np.maximum.accumulate(np.where(is_space, 0, position + 1)), 0, 0)
    starts, ends = next_text[spans[:, 0]], text_before[spans[:, 1]]
    blank = starts >= ends
    return (
        np.where(blank, spans[:, 0], starts).astype(np.int32),
        np.where(blank, spans[:, 1], ends).astype(np.int32),
    )


def _any_in_spans(flags: NDArray[np.bool_], spans: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(spans,) whether any character of the span is flagged."""
    totals = np.concatenate([[0], np.cumsum(flags)])
    found: NDArray[np.bool_] = totals[spans[:, 1]] > totals[spans[:, 0]]
    return found


def _cut_ranks(kinds: NDArray[np.uint8], spans: NDArray[np.int32]) -> NDArray[np.int8]:
    ranks = np.full(len(spans), _CUT_INSIDE, dtype=np.int8)
    if len(spans) < 2:
        return ranks
    previous_end, start = spans[:-1, 1], spans[1:, 0]
    between = np.stack([previous_end, np.maximum(start + 1, previous_end)], axis=1)
    last = kinds[np.maximum(previous_end - 1, 0)]
    at_space = _any_in_spans((kinds & _SPACE) > 0, between) | ((last & _SPACE) > 0)
    at_line = _any_in_spans((kinds & _LINE_BREAK) > 0, between) | ((last & _LINE_BREAK) > 0)
    ranks[1:][at_space] = _CUT_AT_SPACE
    ranks[1:][at_line | (at_space & ((last & _SENTENCE_END) > 0))] = _CUT_AFTER_SENTENCE
    return ranks
