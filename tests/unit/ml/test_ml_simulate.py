from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ml import synth
from ml.cli import ml
from ml.collective import Present
from ml.crowd import WORLDS, Crowd, Listener, World, name_of
from ml.evening import Setting, evening
from ml.ledger import Decision, LedgerError, read_ledger, replay
from ml.prior import Prior
from ml.simulate import simulate, svg, table
from ml.taste import Taste

RAIN, FIRE = (1.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 1.0)
SMALL = Setting(people=12, present=5, songs=16, plays=90)


class TestCrowd:
    def test_a_listener_rates_what_they_like_higher(self) -> None:
        rng = np.random.default_rng(1)
        fan = Listener("Heron", RAIN)
        assert Counter(fan.rate(RAIN, rng) for _ in range(50)).most_common(1)[0][0] == 5
        assert Counter(fan.rate(FIRE, rng) for _ in range(50)).most_common(1)[0][0] == 1
        assert Counter(fan.rate((0,) * 5, rng) for _ in range(50)).most_common(1)[0][0] == 3

    def test_ratings_are_the_same_for_the_same_seed(self) -> None:
        songs = np.random.default_rng(0).random((20, 5))
        one, two = (
            [Crowd.of(seed=4).listeners[2].rate(song, rng) for song in songs]
            for rng in (np.random.default_rng(9), np.random.default_rng(9))
        )
        assert one == two

    @pytest.mark.parametrize("world", WORLDS)
    def test_every_world_has_its_people(self, world: World) -> None:
        crowd = Crowd.of(world, size=40, seed=2)
        assert crowd == Crowd.of(world, size=40, seed=2) != Crowd.of(world, size=40, seed=3)
        assert len({listener.name for listener in crowd.listeners}) == 40

    def test_camps_are_two(self) -> None:
        tastes = np.array([listener.true_taste for listener in Crowd.of("camps", size=200).listeners])
        windy = tastes[:, 3] + tastes[:, 4] > 0.5
        assert 0.2 < windy.mean() < 0.4

    def test_one_leaves_and_one_comes(self) -> None:
        crowd, rng = Crowd.of(size=6), np.random.default_rng(0)
        here = crowd.present(4, rng)
        later = crowd.after_churn(here, rng)
        assert len(later) == 4
        assert len(set(here) & set(later)) == 3
        assert crowd.after_churn(list(range(6)), rng) == list(range(6))
        assert crowd.after_churn([], rng) == []
        assert len(crowd.present(99, rng)) == 6

    def test_an_unknown_world_is_named(self) -> None:
        with pytest.raises(ValueError, match="flat"):
            Crowd.of("flat")  # type: ignore[arg-type]
        assert name_of(0) != name_of(30)


class TestEvening:
    def test_learning_comes_between_chance_and_the_oracle(self) -> None:
        outcome = {
            method: np.mean([evening(method, SMALL, seed).run().mean for seed in range(3)])
            for method in ("random", "bayes", "oracle")
        }
        assert outcome["random"] + 0.03 < outcome["bayes"] <= outcome["oracle"]

    def test_the_same_seed_is_the_same_evening(self) -> None:
        assert evening("bayes", SMALL, 1).run() == evening("bayes", SMALL, 1).run()

    @pytest.mark.parametrize("method", ["v1", "least_misery", "turns", "static", "oracle_fair", "bayes_unfair"])
    def test_every_policy_gets_through(self, method: str) -> None:
        short = Setting(world="drift", people=8, present=4, songs=12, plays=125)
        outcome = evening(method, short, 0).run()  # type: ignore[arg-type]
        assert 0 <= outcome.minimum <= outcome.p10 <= 1
        assert 0 <= outcome.mean <= 1

    def test_the_table_and_the_picture_name_every_policy(self) -> None:
        rows = simulate("spread", ["bayes", "oracle", "random"], seeds=1, setting=SMALL)
        assert [row.gap for row in rows[1:]] == [1.0, 0.0]
        assert rows[1].of_oracle == 1.0
        assert all(row.method in table(rows) and row.method in svg(rows) for row in rows)


def decision() -> Decision:
    return Decision(
        at_s=60.0,
        rule="v1",
        policy="mean",
        min_group=1,
        house=(0.0, 1.0, 0.0, 0.0, 0.0),
        people=(
            Present("a", Taste.from_preference(RAIN), unmet=0.05),
            Present("b", Taste.from_preference(RAIN)),
            Present("c", Taste.from_preference(FIRE), unmet=0.2),
        ),
        songs=(("fire", FIRE), ("rain", RAIN), ("sea", (0.0, 1.0, 0.0, 0.0, 0.0))),
        chosen=("rain",),
        prior=Prior.default().with_vote(RAIN, 5),
    )


class TestLedger:
    def test_a_line_holds_all_of_a_decision(self) -> None:
        assert Decision.from_line(decision().to_line()) == decision()

    def test_its_own_rule_decides_the_same(self) -> None:
        fair = replay(decision(), policy="turns")
        assert (fair.then, fair.now) == (("rain",), ("fire",))
        assert fair.turned > 0.3
        assert fair.liking_now > fair.liking_then

    @pytest.mark.parametrize("bad", ["{}", "[]", "nonsense", '{"at_s": 1, "rule": "v9"}'])
    def test_a_torn_line_is_named_by_its_number(self, bad: str) -> None:
        with pytest.raises(LedgerError, match="line 3"):
            list(read_ledger([decision().to_line(), "", bad]))


class TestCommands:
    def test_replay_ledger(self, tmp_path: Path) -> None:
        ledger = tmp_path / "ledger.jsonl"
        ledger.write_text(decision().to_line() + "\n")
        said = CliRunner().invoke(ml, ["replay-ledger", str(ledger), "--policy", "turns"])
        assert said.exit_code == 0
        assert "1 decisions, 1 would have wanted other songs" in said.output
        ledger.write_text("torn\n")
        torn = CliRunner().invoke(ml, ["replay-ledger", str(ledger)])
        assert torn.exit_code == 1
        assert "line 1" in torn.output

    def test_simulate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ml.simulate.Setting", lambda world: SMALL)
        out, picture = tmp_path / "rows.json", tmp_path / "rows.svg"
        said = CliRunner().invoke(
            ml,
            ["simulate", "--world", "spread", "--policy", "bayes", "--seeds", "1", "--json", str(out),
             "--picture", str(picture)],
        )  # fmt: skip
        assert said.exit_code == 0, said.output
        assert json.loads(out.read_text())[0]["method"] == "bayes"
        assert picture.read_text().startswith("<svg")
        assert CliRunner().invoke(ml, ["simulate", "--policy", "loudest"]).exit_code == 1

    def test_embed_says_one_line_about_what_is_no_sound(self, tmp_path: Path) -> None:
        letter = tmp_path / "letter.txt"
        letter.write_text("Dear box,")
        said = CliRunner().invoke(ml, ["embed", str(letter)])
        assert said.exit_code == 1
        assert "cannot read" in said.output
        assert "Traceback" not in said.output


def test_the_starter_library_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = tuple(synth.Recipe(r.key, r.title, r.kind, r.embedding, 2.0) for r in synth.RECIPES[:1])
    monkeypatch.setattr(synth, "RECIPES", few)
    said = CliRunner().invoke(ml, ["synth", str(tmp_path / "library")])
    assert said.exit_code == 0, said.output
    assert "Rain on Leaves" in said.output
    heard = CliRunner().invoke(ml, ["embed", str(tmp_path / "library" / "rain.flac")])
    assert heard.exit_code == 0, heard.output
    (tmp_path / "file").write_text("")
    blocked = CliRunner().invoke(ml, ["synth", str(tmp_path / "file" / "library")])
    assert blocked.exit_code == 1
    assert "cannot write to" in blocked.output
