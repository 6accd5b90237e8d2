"""LitServe and sentence-transformers, with its batching: ``python with_litserve.py MODEL PORT``.

Runs in an environment of its own, see ``benchmarks/peers.py``. LitServe reads the annotations as objects, not as text.
"""

import sys
from typing import Any

import litserve
from sentence_transformers import SentenceTransformer


class Embeddings(litserve.LitAPI):
    """A batch of requests in one call of the model; a request waits at most 5 ms for others."""

    def setup(self, device: str) -> None:
        """Load the model in the worker."""
        self.model = SentenceTransformer(sys.argv[1], device=device)
        self.model.max_seq_length = 512

    def decode_request(self, request: dict[str, Any]) -> str:
        """The text of a request of one text."""
        text: str = request["input"][0]
        return text

    def batch(self, inputs: list[str]) -> list[str]:
        """Texts need no stacking."""
        return inputs

    def predict(self, batch: list[str]) -> Any:
        """Vectors of the batch."""
        return self.model.encode(batch)

    def unbatch(self, output: Any) -> list[Any]:
        """One vector per request."""
        return list(output)

    def encode_response(self, output: Any) -> dict[str, list[list[float]]]:
        """As the other servers answer."""
        return {"embeddings": [output.tolist()]}


def main() -> None:
    """Serve until the process is ended."""
    api = Embeddings(max_batch_size=32, batch_timeout=0.005, api_path="/embeddings")
    server = litserve.LitServer(api, accelerator="cpu", timeout=120)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="error")


if __name__ == "__main__":
    main()
