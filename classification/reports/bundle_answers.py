"""What a report says about a bundle's classifier."""

from __future__ import annotations

from classification.reports.run_record import Run
from edge_runtime.bundle.loading import Bundle


def bundle_run(bundle: Bundle) -> Run:
    """The facts of a bundle's classifier."""
    spec, provenance = bundle.manifest.classifier, bundle.manifest.provenance
    return Run(
        f"{bundle.name} {bundle.version}",
        {
            "bundle": f"{bundle.name} {bundle.version} {bundle.sha256[:12]}",
            "created": str(bundle.manifest.created),
            "network": f"{spec.file}, int8, {len(bundle.read(spec.file)) / 1e6:.2f} MB",
            "input": f"{spec.input_size_px} px",
            "trained on": provenance.data,
            "data hash": str(provenance.data_sha256),
            "code version": provenance.code_version,
            "licence": provenance.licence,
        },
    )
