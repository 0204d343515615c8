"""The names of a network's answers, and which of them compete."""

from __future__ import annotations

from pathlib import Path

from classification.batches import COUNTS, VOTES
from classification.network import CARD_FILE, NetworkCard
from edge_runtime.decision_tree import QUESTION_SLICES, VOTE_COLUMNS
from edge_runtime.sighting import CLASS5

GALAXY = "galaxy"
CLASS5_SCHEME = "class5"

VOTE_OUTPUTS = tuple(f"{VOTES}:{column}" for column in VOTE_COLUMNS)
"""Names of the 37 vote fractions among the outputs of a network."""

EDGE_OUTPUTS = (*VOTE_OUTPUTS, *(f"{CLASS5_SCHEME}:{name}" for name in CLASS5), GALAXY)
"""Names of the 43 answers of the bundle's classifier."""

EDGE_HEADS = (VOTES, CLASS5_SCHEME, GALAXY)
"""Its outputs, in this order."""

EDGE_WIDTHS = {len(VOTE_COLUMNS): VOTES, len(CLASS5): CLASS5_SCHEME, 1: GALAXY}
"""Which of them has how many numbers."""


def answer_groups(outputs: tuple[str, ...]) -> tuple[int, ...]:
    """Which answers compete: those to one question, and those of one scheme."""
    question = {
        name: i for i, columns in enumerate(QUESTION_SLICES) for name in VOTE_OUTPUTS[columns]
    }
    keys = [question.get(name, name.partition(":")[0]) for name in outputs]
    order = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return tuple(order[key] for key in keys)


def card_beside(path: Path) -> NetworkCard | None:
    """What the workbench says of the networks in the folder of a file, if it does."""
    card = path.parent / CARD_FILE
    return NetworkCard.load(card) if card.exists() else None


def card_outputs(card: NetworkCard) -> tuple[str, ...]:
    """Names of the answers of one of the workbench's networks."""
    if card.target in (VOTES, COUNTS):
        return VOTE_OUTPUTS
    return tuple(f"{card.target}:{name}" for name in card.class_names)


def plain_outputs(width: int) -> tuple[str, ...]:
    """Names of the answers of a network that nothing is known of but their number."""
    if width == len(VOTE_COLUMNS):
        return VOTE_OUTPUTS
    return (GALAXY,) if width == 1 else tuple(f"answer {i + 1}" for i in range(width))
