"""What ``bundle.json`` says: everything the edge must know to run two models."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json
from typing_extensions import TypeAliasType

from edge_runtime.errors import BundleError
from edge_runtime.sighting import CLASS5

if TYPE_CHECKING:
    from edge_runtime.conditioning import ConditioningParams

SCHEMA_VERSION = 1
MANIFEST_NAME = "bundle.json"
SELFTEST_FOLDER = "selftest"
MAX_MANIFEST_BYTES = 1024 * 1024

_NAME_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
FILE_NAME = re.compile(rf"(?:{SELFTEST_FOLDER}/)?{_NAME_PART}", re.ASCII)
_NUMBER = r"(0|[1-9]\d{0,8})"
_SEMVER = rf"^{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z.-]{{1,64}})?(\+[0-9A-Za-z.-]{{1,64}})?$"


def check_file_name(name: str) -> str:
    """Return ``name`` if a bundle may contain a file of that name.

    Plain ASCII names at the top or in ``selftest/``; nothing absolute, hidden,
    with ``..``, backslashes, drive letters or control characters.

    Raises
    ------
    ValueError
        The name is not allowed.
    """
    if not FILE_NAME.fullmatch(name):
        raise ValueError(
            f"file name {name[:120]!r} is not allowed; use plain names at the top of the bundle "
            f"or in {SELFTEST_FOLDER}/"
        )
    return name


def _check_utc(time: datetime) -> datetime:
    if time.utcoffset():
        raise ValueError("must be in UTC")
    return time.astimezone(UTC)


FileName = Annotated[str, AfterValidator(check_file_name)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
UtcTime = Annotated[AwareDatetime, AfterValidator(_check_utc)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Rgb = tuple[float, float, float]
PositiveRgb = tuple[Positive, Positive, Positive]
MetricTree = TypeAliasType("MetricTree", "dict[str, float | MetricTree]")


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ConditioningSpec(_Spec):
    """How frames were brought to 8 bit for training, and must be at the edge."""

    sky_level: Fraction = Field(0.08, description="Level the sky is stretched to, 0 to 1.")
    shadow_sigma: Annotated[float, Field(ge=0.0, le=100.0)] = Field(
        2.8, description="Shadows are clipped this many sigma below the sky."
    )
    noise_floor: Fraction = Field(
        0.006, description="Smallest noise, as a fraction of full scale, that is stretched."
    )
    background_grid: Annotated[int, Field(ge=1, le=256)] = Field(
        16, description="Cells along the longer side for the background gradient."
    )

    def params(self) -> ConditioningParams:
        """The same as conditioning takes it."""
        from edge_runtime.conditioning import ConditioningParams

        return ConditioningParams(**self.model_dump())


class AnchorSpec(_Spec):
    """Anchor boxes of a RetinaNet, as in the TensorFlow Model Garden."""

    min_level: Annotated[int, Field(ge=1, le=8)]
    max_level: Annotated[int, Field(ge=1, le=8)]
    num_scales: Annotated[int, Field(ge=1, le=16)]
    aspect_ratios: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=16)]
    anchor_size: Annotated[float, Field(gt=0.0, le=64.0)]

    @model_validator(mode="after")
    def _check_levels(self) -> AnchorSpec:
        if self.max_level < self.min_level:
            raise ValueError(f"max_level {self.max_level} is below min_level {self.min_level}")
        return self


class TilingSpec(_Spec):
    """At which scales the detector sees a frame."""

    scales: Annotated[
        tuple[Annotated[int, Field(ge=0, le=65536)], ...], Field(min_length=1, max_length=16)
    ] = Field((0,), description="Tile sides in frame pixels; 0 is the whole frame, letterboxed.")
    overlap: Annotated[float, Field(ge=0.0, le=0.9)] = Field(
        0.25, description="Overlap of neighbouring tiles as a fraction of the side."
    )


class DetectorSpec(_Spec):
    """The detector's file, geometry and decoding."""

    file: FileName
    format: Literal["retinanet_raw", "tflite_detection_postprocess"]
    input_size_px: Annotated[int, Field(ge=16, le=4096)]
    input_mean: Rgb = Field((0.0, 0.0, 0.0), description="Subtracted from pixels 0..255.")
    input_std: PositiveRgb = Field((1.0, 1.0, 1.0), description="Then divided by.")
    labels: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)] = ("galaxy",)
    score_threshold: Fraction
    anchors: AnchorSpec | None = None
    box_order: Literal["yxyx"] = "yxyx"
    nms_iou: Fraction
    max_detections: Annotated[int, Field(ge=1, le=10000)]
    tiling: TilingSpec = TilingSpec()

    @model_validator(mode="after")
    def _check_anchors(self) -> DetectorSpec:
        if self.format == "retinanet_raw" and self.anchors is None:
            raise ValueError("anchors are required for format retinanet_raw")
        if self.format != "retinanet_raw" and self.anchors is not None:
            raise ValueError(f"anchors have no meaning for format {self.format}; remove them")
        return self


class ClassifierOutputs(_Spec):
    """Which output is which: position in the file, or name."""

    votes: int | str
    classes: int | str
    galaxy: int | str


class ScoreFusion(_Spec):
    """How detector score and galaxy probability become the final score.

    ``product``: ``d * g``. ``geometric``: ``d**(1 - weight) * g**weight``.
    """

    kind: Literal["product", "geometric"] = "geometric"
    weight: Fraction = 0.5


class ClassifierSpec(_Spec):
    """The classifier's file, geometry and outputs."""

    file: FileName
    input_size_px: Annotated[int, Field(ge=8, le=1024)]
    input_mean: Rgb = (0.0, 0.0, 0.0)
    input_std: PositiveRgb = (1.0, 1.0, 1.0)
    crop_multiple: Annotated[float, Field(ge=0.5, le=10.0)] = Field(
        description="Side of the square crop over the longer side of the detection's box."
    )
    outputs: ClassifierOutputs
    classes: tuple[str, str, str, str, str] = CLASS5
    class_bias: tuple[float, float, float, float, float] = Field(
        (0.0, 0.0, 0.0, 0.0, 0.0),
        description="Added to the class logits; makes up for classes rare in training.",
    )
    veto_threshold: Fraction
    score_fusion: ScoreFusion = ScoreFusion()


class ExpectedDetection(_Spec):
    """One detection the bundle must make in a self-test frame."""

    box_xyxy_px: tuple[float, float, float, float]
    score: Fraction
    label: str


class SelfTestFrame(_Spec):
    """A small frame and what the bundle must find in it (nothing: an empty list)."""

    frame: FileName
    detections: Annotated[tuple[ExpectedDetection, ...], Field(max_length=1000)]
    tolerance_iou: Fraction = Field(0.8, description="Least overlap with the expected box.")
    tolerance_score: Fraction = Field(0.1, description="Largest difference of the score.")


class ReferenceLatency(_Spec):
    """Latencies where the bundle was built, beside a probe of that machine."""

    detector_ms: Positive
    classifier_ms: Positive
    probe_ms: Positive


class Provenance(_Spec):
    """Where the models come from."""

    data: str
    data_sha256: str = ""
    seeds: tuple[int, ...] = ()
    code_version: str = ""
    licence: str
    command: str = ""
    created_with: dict[str, str] = Field(default_factory=dict)


class Manifest(_Spec):
    """Everything in ``bundle.json``."""

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: Annotated[str, Field(pattern=_SEMVER, description="Semantic version.")]
    created: UtcTime
    files: Annotated[dict[FileName, Sha256], Field(min_length=1, max_length=256)]
    conditioning: ConditioningSpec = ConditioningSpec()
    detector: DetectorSpec
    classifier: ClassifierSpec
    score_threshold: Fraction
    selftest: Annotated[tuple[SelfTestFrame, ...], Field(max_length=64)] = ()
    reference_latency: ReferenceLatency | None = None
    metrics: dict[str, MetricTree] = Field(default_factory=dict)
    provenance: Provenance

    @model_validator(mode="after")
    def _check_files(self) -> Manifest:
        if MANIFEST_NAME in (name.lower() for name in self.files):
            raise ValueError(f"files must not list {MANIFEST_NAME} itself")
        if len({name.lower() for name in self.files}) != len(self.files):
            raise ValueError("files has names that differ only in upper and lower case")
        wanted = {"detector.file": self.detector.file, "classifier.file": self.classifier.file}
        wanted |= {f"selftest.{i}.frame": test.frame for i, test in enumerate(self.selftest)}
        for key, name in wanted.items():
            if name not in self.files:
                raise ValueError(f"{key} names {name}, which is not in files")
        return self

    def to_json(self) -> bytes:
        """Return the content of ``bundle.json``; the same manifest gives the same bytes."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def parse_manifest(content: bytes, where: str) -> Manifest:
    """Read and check the content of a ``bundle.json``.

    Parameters
    ----------
    content : bytes
        UTF-8 JSON.
    where : str
        Path that error messages name.

    Raises
    ------
    BundleError
        Not JSON, too large, of a newer schema, or with a wrong or missing key;
        the message names the file and the key.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise BundleError(
            f"{where}: {len(content)} bytes are too large for a manifest "
            f"(at most {MAX_MANIFEST_BYTES})"
        )
    try:
        document: Any = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise BundleError(f"{where}: not valid JSON ({str(error)[:200]})") from error
    if not isinstance(document, dict):
        raise BundleError(f"{where}: expected a JSON object, got {type(document).__name__}")
    version = document.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BundleError(f"{where}: schema_version is missing or no positive whole number")
    if version > SCHEMA_VERSION:
        raise BundleError(
            f"{where}: the bundle has schema_version {str(version)[:20]}, this galaxy-edge reads "
            f"up to {SCHEMA_VERSION}; upgrade galaxy-edge (pip install --upgrade galaxy-edge)"
        )
    try:
        return Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise BundleError(f"{where}: {describe_errors(error)}") from error


def describe_errors(error: ValidationError, limit: int = 5) -> str:
    """Return a validation error in one line: each wrong key and what is wrong with it."""
    parts = []
    for item in error.errors(include_url=False, include_context=False)[:limit]:
        key = ".".join(str(part)[:60] for part in item["loc"]) or "(top level)"
        message = item["msg"].removeprefix("Value error, ")
        parts.append(f"{key}: {message[:200]}")
    more = error.error_count() - limit
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")
