"""The cost of lettucedetect's forward: ``python lettucedetect_forward.py TOKENIZER_DIR < requests.jsonl``.

Runs in an environment of its own, see ``benchmarks/peers.py``. The weights are random in the shape of ModernBERT-base (22
layers of 768), because speed does not depend on them; answers mean nothing. Prints milliseconds per request as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time

import torch
from lettucedetect.models.inference import HallucinationDetector
from transformers import AutoTokenizer, ModernBertConfig, ModernBertForTokenClassification


def main() -> None:
    """Time every request on standard input; the first is not counted."""
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    tokenizer.model_max_length = 4096
    torch.manual_seed(7)
    config = ModernBertConfig(
        num_labels=2,
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
    )
    with tempfile.TemporaryDirectory() as folder:
        ModernBertForTokenClassification(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        detector = HallucinationDetector(method="transformer", model_path=folder, device="cpu")
        taken = []
        for line in sys.stdin:
            request = json.loads(line)
            contexts = [unit["text"] for unit in request["support_units"]]
            begun = time.perf_counter()
            detector.predict(
                context=contexts, question=request["query_text"], answer=request["response_text"], output_format="spans"
            )
            taken.append((time.perf_counter() - begun) * 1000.0)
    parameters = sum(one.numel() for one in ModernBertForTokenClassification(config).parameters())
    json.dump({"milliseconds": taken[1:], "parameters": parameters, "threads": torch.get_num_threads()}, sys.stdout)


if __name__ == "__main__":
    main()
