"""Contrast pairs of another form than those that training makes: other passages, other wordings, other names."""

from benchmarks.contrast_forms.fill import held_out_pairs

__all__ = ["held_out_pairs"]
