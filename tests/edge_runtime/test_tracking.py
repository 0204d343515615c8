import numpy as np
import pytest
from synthetic_results import make_detection, make_result

from edge_runtime.errors import ConfigError
from edge_runtime.track_association import merge_duplicates, registered_shift, same_galaxy
from edge_runtime.tracking import BundleIdentity, KnownSighting, Tracker, TrackingParams

BUNDLE = BundleIdentity("test", "1.0.0", "ab" * 32)
SCALE = {"PIXSCALE": 2.0}


def make_tracker(params=None, **keywords):
    ids = iter(f"{number:032x}" for number in range(1, 10_000))
    return Tracker(params or TrackingParams(), BUNDLE, new_id=lambda: next(ids), **keywords)


def run(tracker, results):
    """Feed results; return the identifiers confirmed and the last state of each sighting."""
    confirmed, latest = [], {}
    for result in results:
        update = tracker.update(result)
        confirmed += [item.sighting.id for item in update.confirmed]
        latest.update({item.sighting.id: item.sighting for item in update.changed})
    return confirmed, latest


def starry_picture(shift=(0.0, 0.0), seed=3, count=120):
    """Gaussian stars on a noisy sky, moved by (dx, dy) pixels."""
    rng = np.random.default_rng(seed)
    xs, ys = rng.uniform(-60, 700, count), rng.uniform(-60, 540, count)
    flux = rng.uniform(60, 230, count)
    yy, xx = np.mgrid[0:480, 0:640]
    sky = np.random.default_rng(seed + 1 + round(shift[0])).normal(30, 5, (480, 640))
    for x, y, f in zip(xs + shift[0], ys + shift[1], flux, strict=True):
        rows, columns = (
            slice(max(0, int(y) - 6), max(0, int(y) + 7)),
            slice(max(0, int(x) - 6), max(0, int(x) + 7)),
        )
        patch = (xx[rows, columns] - x) ** 2 + (yy[rows, columns] - y) ** 2
        sky[rows, columns] += f * np.exp(-patch / 4.0)
    grey = np.clip(sky, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_a_galaxy_is_confirmed_by_its_third_detection_in_five_frames():
    tracker = make_tracker()
    seen = [True, False, True, False, True, True]
    confirmed_at = []
    for sequence, there in enumerate(seen):
        found = [make_detection(100, 100, seed=sequence)] if there else []
        update = tracker.update(make_result(found, sequence=sequence))
        confirmed_at += [sequence] * len(update.confirmed)
    assert confirmed_at == [4]


def test_two_detections_far_apart_in_time_confirm_nothing():
    tracker = make_tracker()
    seen = [True, False, False, False, True, True, False, False, False, True]
    frames = [
        make_result([make_detection(100, 100)] if there else [], sequence=i)
        for i, there in enumerate(seen)
    ]
    assert run(tracker, frames) == ([], {})


def test_stills_are_confirmed_at_once_and_each_picture_has_its_own_sighting():
    tracker = make_tracker(TrackingParams.for_stills())
    frames = [make_result([make_detection(90, 80)], sequence=i, name=f"p{i}.jpg") for i in range(3)]
    confirmed, latest = run(tracker, frames)
    assert len(confirmed) == 3
    assert [latest[key].target for key in confirmed] == ["p0.jpg", "p1.jpg", "p2.jpg"]
    assert all(latest[key].frames == 1 for key in confirmed)


def test_votes_are_score_weighted_means_and_the_best_frame_gives_box_and_score():
    tracker = make_tracker()
    scores = [0.5, 0.9, 0.6, 0.7]
    found = [make_detection(100 + i, 100, score=s, seed=i) for i, s in enumerate(scores)]
    _, latest = run(tracker, [make_result([d], sequence=i) for i, d in enumerate(found)])
    (sighting,) = latest.values()
    weights = np.array(scores)
    expected = np.average([d.votes for d in found], axis=0, weights=weights)
    np.testing.assert_allclose(sighting.votes, expected, atol=1e-6)
    assert sighting.votes.dtype == np.float32
    assert float(sighting.class_probabilities.sum()) == pytest.approx(1.0, abs=1e-5)
    galaxy = np.average([d.galaxy_probability for d in found], weights=weights)
    assert sighting.galaxy_probability == pytest.approx(float(galaxy))
    assert sighting.score == 0.9
    assert sighting.box_xyxy_px == found[1].box_xyxy_px
    assert sighting.frames == 4
    assert (sighting.last_seen - sighting.first_seen).total_seconds() == 3.0


def test_pictures_are_made_only_when_the_best_score_improves():
    tracker = make_tracker()
    reports = []
    for i, score in enumerate([0.5, 0.6, 0.55, 0.58, 0.7, 0.65]):
        update = tracker.update(make_result([make_detection(100, 100, score=score)], sequence=i))
        reports += update.changed
    assert [item.crop is not None for item in reports] == [True, False, True, False]
    assert [item.annotated is not None for item in reports] == [True, False, True, False]
    assert reports[0].crop.shape == (60, 60, 3)
    assert reports[0].annotated.shape == (480, 640, 3)
    assert reports[0].annotated.max() > 100, "the box is drawn"


def test_galaxies_with_the_same_best_frame_share_its_annotated_picture():
    found = [make_detection(100, 100), make_detection(300, 100), make_detection(500, 300)]
    tracker = make_tracker(TrackingParams.for_stills())
    reports = tracker.update(make_result(found)).confirmed
    assert len(reports) == 3
    assert len({id(item.annotated) for item in reports}) == 1


def test_a_confirmation_reports_every_detection_that_led_to_it_once():
    tracker = make_tracker()
    numbers = []
    for i in range(5):
        update = tracker.update(make_result([make_detection(100, 100)], sequence=i))
        numbers += [[r.frame_sequence for r in item.detections] for item in update.changed]
    assert numbers == [[0, 1, 2], [3], [4]]


def test_two_galaxies_stay_two_while_the_field_drifts_farther_than_their_distance():
    tracker = make_tracker()
    frames = [
        make_result(
            [
                make_detection(100 + 14 * i, 200 + 5 * i, size=20, seed=1),
                make_detection(130 + 14 * i, 200 + 5 * i, size=20, seed=2),
                make_detection(400 + 14 * i, 100 + 5 * i, size=20, seed=3),
            ],
            sequence=i,
        )
        for i in range(12)
    ]
    confirmed, latest = run(tracker, frames)
    assert len(confirmed) == 3
    assert sorted(item.frames for item in latest.values()) == [12, 12, 12]
    for item in latest.values():  # nothing was swapped: each mean is one galaxy's votes
        assert (
            min(
                float(np.abs(item.votes - make_detection(0, 0, seed=s).votes).max())
                for s in (1, 2, 3)
            )
            < 1e-6
        )


def test_random_dither_of_the_whole_field_is_followed():
    rng = np.random.default_rng(5)
    places = rng.uniform([80, 80], [560, 400], size=(4, 2))
    frames = []
    for i in range(20):
        dx, dy = rng.uniform(-30, 30, 2)
        found = [make_detection(x + dx, y + dy, size=18, seed=k) for k, (x, y) in enumerate(places)]
        frames.append(make_result(found, sequence=i))
    confirmed, latest = run(make_tracker(), frames)
    assert len(confirmed) == 4
    assert all(item.frames == 20 for item in latest.values())


def test_a_lone_small_galaxy_is_followed_over_a_jump_by_the_stars_around_it():
    shifts = [(0, 0), (0, 0), (0, 0), (37, -22), (37, -22), (37, -22)]
    frames = [
        make_result(
            [make_detection(300 + dx, 200 + dy, size=14)], starry_picture((dx, dy)), sequence=i
        )
        for i, (dx, dy) in enumerate(shifts)
    ]
    confirmed, latest = run(make_tracker(), frames)
    assert len(confirmed) == 1
    assert latest[confirmed[0]].frames == 6


def test_a_detection_elsewhere_does_not_continue_a_lone_galaxy_when_the_stars_stand_still():
    picture = starry_picture()
    here = [make_result([make_detection(300, 200, size=14)], picture, sequence=i) for i in range(4)]
    there = [
        make_result([make_detection(337, 178, size=14)], picture, sequence=i) for i in range(4, 8)
    ]
    confirmed, latest = run(make_tracker(), here + there)
    assert len(confirmed) == 2
    assert [latest[key].frames for key in confirmed] == [4, 4]


def test_the_shift_of_the_stars_is_measured_to_a_pixel():
    measured = registered_shift(starry_picture(), starry_picture((37, -22)), 80.0)
    assert measured == pytest.approx((37.0, -22.0), abs=1.0)
    assert registered_shift(starry_picture(), starry_picture(seed=40), 80.0) is None
    blank = np.full((480, 640, 3), 20, dtype=np.uint8)
    assert registered_shift(blank, blank, 80.0) in (None, (0.0, 0.0))


def test_core_and_whole_of_a_galaxy_are_one_sighting():
    both = [make_detection(300, 200, size=160, score=0.7), make_detection(306, 204, size=50)]
    confirmed, _ = run(make_tracker(), [make_result(both, sequence=i) for i in range(6)])
    assert len(confirmed) == 1


def test_core_and_whole_in_turn_are_one_sighting():
    frames = [
        make_result([make_detection(300, 200, size=160 if i % 2 else 50)], sequence=i)
        for i in range(12)
    ]
    confirmed, latest = run(make_tracker(), frames)
    assert len(confirmed) == 1
    assert latest[confirmed[0]].frames == 12


def m51_boxes(scale=30.0, x=300.0, y=260.0):
    """M51 (11.2 x 6.9 arcmin) and NGC 5195 (5.8 x 4.6 arcmin), 4.4 arcmin to the north."""
    whirlpool = make_detection(x, y, size=6.9 * scale, height=11.2 * scale, seed=1, score=0.9)
    companion = make_detection(
        x + 0.7 * scale, y - 4.4 * scale, size=4.6 * scale, height=5.8 * scale, seed=2, kind=0
    )
    return whirlpool, companion


def test_m51_and_its_companion_are_two_sightings():
    frames = [make_result(m51_boxes(), sequence=i) for i in range(6)]
    confirmed, latest = run(make_tracker(), frames)
    assert len(confirmed) == 2
    assert sorted(latest[key].label for key in confirmed) == ["smooth_round", "spiral"]


def test_a_companion_does_not_take_over_the_sighting_of_a_galaxy_missed_for_a_frame():
    whirlpool, companion = m51_boxes()
    found = [[whirlpool, companion], [companion], [whirlpool]]
    frames = [
        make_result(found[i % 3], sequence=i, ra_deg=202.47, dec_deg=47.2, header=SCALE)
        for i in range(15)
    ]
    confirmed, latest = run(make_tracker(), frames)
    assert len(confirmed) == 2
    votes = {latest[key].votes.tobytes() for key in confirmed}
    for detection in (whirlpool, companion):
        assert any(
            np.abs(np.frombuffer(v, np.float32) - detection.votes).max() < 1e-6 for v in votes
        )


def test_pairs_side_by_side_are_not_merged():
    left, right = make_detection(100, 100, size=40), make_detection(130, 100, size=40)
    assert not same_galaxy(left.box_xyxy_px, right.box_xyxy_px)
    assert merge_duplicates([left, right]) == (left, right)


@pytest.mark.parametrize("change", ["name", "size", "pause"])
def test_without_a_pointing_another_field_closes_the_sightings(change):
    tracker = make_tracker()
    confirmed, _ = run(
        tracker, [make_result([make_detection(100, 100)], sequence=i) for i in range(3)]
    )
    other = {
        "name": {"name": "M31"},
        "size": {"width": 800},
        "pause": {"seconds": 10_000},
    }[change]
    update = tracker.update(make_result([make_detection(100, 100)], sequence=3, **other))
    assert update.closed == tuple(confirmed)
    assert update.updated == ()


def test_a_galaxy_missed_too_long_is_closed():
    tracker = make_tracker()
    confirmed, _ = run(
        tracker, [make_result([make_detection(100, 100)], sequence=i) for i in range(3)]
    )
    closed = [tracker.update(make_result([], sequence=i)).closed for i in range(3, 16)]
    assert closed.index(tuple(confirmed)) == 10
    assert sum(map(len, closed)) == 1


def pointed(ra, dec, sequence, detections, name="M51", **keywords):
    return make_result(
        detections, sequence=sequence, name=name, ra_deg=ra, dec_deg=dec, header=SCALE, **keywords
    )


def tour(sequence=0):
    """M51's field, another field, and back with the telescope 10 px off."""
    first = [pointed(202.47, 47.2, sequence + i, [make_detection(320, 240)]) for i in range(4)]
    other = [
        pointed(10.7, 41.3, sequence + 4 + i, [make_detection(320, 240)], name="M31")
        for i in range(4)
    ]
    off = 10 * 2.0 / 3600.0
    back = [
        pointed(202.47, 47.2 + off, sequence + 8 + i, [make_detection(320, 250)]) for i in range(4)
    ]
    return first + other + back


def test_coming_back_to_a_target_continues_its_sighting():
    confirmed, latest = run(make_tracker(), tour())
    assert len(confirmed) == 2
    assert [latest[key].frames for key in confirmed] == [8, 4]
    assert latest[confirmed[0]].ra_deg == pytest.approx(202.47, abs=2e-3)
    assert latest[confirmed[0]].dec_deg == pytest.approx(47.2, abs=2e-3)


def test_a_slew_under_an_unchanged_name_closes_and_another_galaxy_is_new():
    frames = [pointed(202.47, 47.2, i, [make_detection(320, 240)]) for i in range(4)]
    frames += [pointed(205.0, 47.2, i, [make_detection(320, 240)]) for i in range(4, 8)]
    confirmed, latest = run(make_tracker(), frames)
    assert len(confirmed) == 2
    assert [latest[key].frames for key in confirmed] == [4, 4]


def test_a_reported_dither_is_followed_by_the_pointing_alone():
    step = 60 * 2.0 / 3600.0  # 60 px to the north each frame: the galaxy moves down
    frames = [
        pointed(
            202.47, 47.2 + step * (i % 2), i, [make_detection(320, 200 + 60 * (i % 2), size=16)]
        )
        for i in range(8)
    ]
    confirmed, latest = run(make_tracker(), frames)
    assert len(confirmed) == 1
    assert latest[confirmed[0]].frames == 8


def test_a_sighting_of_an_earlier_session_is_continued_with_its_means():
    tracker = make_tracker()
    reports = [u for result in tour() for u in tracker.update(result).changed]
    before = [item for item in reports if item.sighting.target == "M51"][-1]
    known = KnownSighting(before.sighting, before.score_sum, before.size_arcsec)
    later = make_tracker(known=[known])
    update = later.update(pointed(202.47, 47.2, 100, [make_detection(320, 240, seed=9)]))
    assert update.confirmed == ()
    (again,) = update.updated
    assert again.sighting.id == before.sighting.id
    assert again.sighting.frames == before.sighting.frames + 1
    assert again.sighting.first_seen == before.sighting.first_seen
    new = make_detection(320, 240, seed=9).votes
    expected = (before.sighting.votes * before.score_sum + 0.8 * new) / (before.score_sum + 0.8)
    np.testing.assert_allclose(again.sighting.votes, expected, atol=1e-5)


def test_a_sighting_by_other_models_is_not_continued():
    tracker = make_tracker()
    reports = [u for result in tour() for u in tracker.update(result).changed]
    known = [KnownSighting(r.sighting, r.score_sum, r.size_arcsec) for r in reports[-1:]]
    newer = Tracker(TrackingParams(), BundleIdentity("test", "2.0.0", "cd" * 32), known)
    update = newer.update(pointed(202.47, 47.2, 100, [make_detection(320, 240)]))
    assert update.updated == ()


def test_n_must_fit_in_m():
    with pytest.raises(ConfigError, match="n = 6"):
        TrackingParams(n=6, m=5)
