from classification.patience import Patience
from classification.recipe import EarlyStopping, Plateau


def test_stopping_waits_from_the_last_gain_that_counts() -> None:
    patience, rule = Patience(), EarlyStopping(patience=2, min_delta=0.1)
    losses = [1.0, 0.95, 0.5, 0.45, 0.44]
    verdicts = [patience.see(i, loss, rule, None) for i, loss in enumerate(losses)]
    assert [v.improved for v in verdicts] == [True] * 5
    assert [v.stop for v in verdicts] == [False, False, False, False, True]
    assert (patience.best, patience.best_epoch) == (0.44, 4)


def test_the_rate_falls_each_time_the_loss_stays() -> None:
    patience, rule = Patience(), Plateau(patience=2)
    losses = [1.0, 1.1, 1.2, 1.0, 0.9, 0.9, 0.95, 0.99, 0.9]
    slower = [patience.see(i, loss, None, rule).slower for i, loss in enumerate(losses)]
    assert slower == [False, False, True, False, False, False, True, False, True]


def test_without_rules_it_never_stops() -> None:
    patience = Patience()
    assert not any(patience.see(i, 1.0, None, None).stop for i in range(100))


def test_it_goes_on_from_what_was_kept() -> None:
    rule = EarlyStopping(patience=2)
    patience = Patience()
    for i, loss in enumerate([1.0, 1.5]):
        patience.see(i, loss, rule, None)
    again = Patience(**patience.as_dict())
    assert again == patience
    assert again.see(2, 1.2, rule, None).stop
    assert Patience(**Patience().as_dict()) == Patience()
