"""The cost of lettucedetect's forward: ``python lettucedetect_forward.py TOKENIZER_DIR < requests.jsonl``.

Runs in an environment of its own, see ``benchmarks/peers.py``. The weights are random in the shape of ModernBERT-base (22
layers of 768), because speed does not depend on them; answers mean nothing. Prints a line of JSON about the model once it is
loaded, then the milliseconds of each request.
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
    """Time every request on standard input; what the library prints goes to standard error."""
    answers = sys.stdout
    sys.stdout = sys.stderr
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
        model = ModernBertForTokenClassification(config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        detector = HallucinationDetector(method="transformer", model_path=folder, device="cpu")
        parameters = sum(one.numel() for one in model.parameters())
        print(json.dumps({"parameters": parameters, "threads": torch.get_num_threads()}), file=answers, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            contexts = [unit["text"] for unit in request["support_units"]]
            begun = time.perf_counter()
            detector.predict(
                context=contexts, question=request["query_text"], answer=request["response_text"], output_format="spans"
            )
            print((time.perf_counter() - begun) * 1000.0, file=answers, flush=True)


if __name__ == "__main__":
    main()
