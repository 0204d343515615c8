"""Point spread function, vignetting, gradients."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.sky.optics import add_stars, blur, linear_gradient, moffat_kernel, vignetting


@pytest.mark.parametrize("fwhm_px", [1.5, 3.0, 6.0])
def test_the_kernel_has_the_width_asked_for(fwhm_px: float) -> None:
    kernel = moffat_kernel(fwhm_px, 30)
    assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
    core = kernel[30] / kernel.max()
    half = np.interp(0.5, core[30:45][::-1], np.arange(15)[::-1])
    assert 2.0 * half == pytest.approx(fwhm_px, abs=0.35)


@pytest.mark.parametrize("flux", [200.0, 5e6])
@pytest.mark.parametrize("xy", [(60.0, 60.0), (60.4, 59.7), (61.5, 58.5)])
def test_a_star_has_its_flux_at_its_place(flux: float, xy: tuple[float, float]) -> None:
    image = np.zeros((121, 121), dtype=np.float32)
    assert add_stars(image, *xy, flux, 2.5) is image
    assert image.sum() == pytest.approx(flux, rel=0.01)
    core = image.astype(np.float64) ** 2
    y, x = np.indices(image.shape)
    assert (core * x).sum() / core.sum() == pytest.approx(xy[0], abs=0.08)
    assert (core * y).sum() / core.sum() == pytest.approx(xy[1], abs=0.08)


def test_stars_beyond_the_edge_do_no_harm() -> None:
    image = np.zeros((40, 50, 3), dtype=np.float32)
    add_stars(image, [-3.0, 49.0, 400.0], [10.0, 39.0, -200.0], [[9.0, 9.0, 9.0]] * 3, 2.0)
    assert 0.0 < image.sum() < 27.0
    assert add_stars(image, [], [], [], 2.0) is image


def test_blurring_keeps_the_light() -> None:
    image = np.zeros((61, 61, 3), dtype=np.float32)
    image[30, 30] = (1.0, 2.0, 3.0)
    assert blur(image, 3.0).sum(axis=(0, 1)) == pytest.approx([1.0, 2.0, 3.0], rel=1e-4)
    assert blur(image, 0.0) is image


def test_vignetting_and_gradient_have_the_strength_asked_for() -> None:
    falloff = vignetting(101, 201, 0.3)
    assert falloff[50, 100] == pytest.approx(1.0, abs=1e-4)
    assert falloff[0, 0] == pytest.approx(0.7, abs=1e-3)
    ramp = linear_gradient(100, 200, 0.0, 0.2)
    assert ramp.mean() == pytest.approx(1.0, abs=1e-4)
    assert ramp[50, -1] - ramp[50, 0] == pytest.approx(0.2, abs=0.01)
    up = linear_gradient(100, 200, 90.0, 0.2)
    assert up[0, 5] - up[-1, 5] == pytest.approx(0.2, abs=0.01)
