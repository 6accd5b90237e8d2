"""Models: text in, arrays out. Heavy parts are imported where they are used."""

from models.types import Encoder, ModelInfo, NliScores, TextRole, TokenVectors, Verifier

__all__ = ["Encoder", "ModelInfo", "NliScores", "TextRole", "TokenVectors", "Verifier"]
