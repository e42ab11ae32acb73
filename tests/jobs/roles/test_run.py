"""Roles of a tiny school: adapters apart from one another, hand-overs, and questions in turn."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

import litho
from litho.cli.shown import show
from litho.core.errors import Interrupted, LithoError
from litho.jobs.ask.turns import Turned
from litho.jobs.genome.build import Build
from litho.jobs.roles.config import RolesConfig, RolesSpec
from litho.jobs.roles.lines import adapters_of, lines_of
from litho.jobs.roles.result import RolesResult
from litho.jobs.roles.run import _prepared, _states
from litho.measure.school.voices import Cast, exchanges
from litho.model.loaded import LanguageModel
from litho.model.sources import locate
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import read_genome
from litho.text.school.world import World
from tests.builders import check_numbers

Litho = Callable[..., tuple[int, str, str]]
ROLES = ("student", "critic", "reformulator")
SPEAKERS = ["Tutor", "Student", "Critic", "Reformulator"]  # of a repair, as people write names
SMALL: dict[str, Any] = {"tokens": 300, "questions": 2, "rows": 4}


@pytest.fixture(scope="module", autouse=True)
def few_words() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("litho.measure.school.writing.MOST", 8)
        yield


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roles")
    world = of_world(World(3, 2, 12), 8_000)
    scenes = [s | {"roles": SPEAKERS} if s["kind"] == "repair" else s for s in world["scenes"]]
    genome = world | {
        "scenes": scenes,
        "tokenizer": {"kind": "bpe", "vocab": 500},
        "model": {"d": 16, "layers": 1, "heads": 2},
        "train": {"seq": 256, "batch_tokens": 1024, "warmup": 2},
        "tests": {"n": 2},
        "loss": {"attempts": "own", "right": 0.25},
        "roles": {"adapters": {name: {"rank": 2, "from": "science"} for name in ROLES}},
    }
    (folder / "school.yaml").write_text(written(genome))
    litho.school(folder / "school.yaml", out=folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def tried(school: Path) -> RolesResult:
    return litho.roles(school, out=school.parent / "tried", **SMALL)


def test_the_model_was_asked_for_its_own_attempts(school: Path) -> None:
    own = json.loads((school / "attempts-dialogue.json").read_text())
    assert own and all(question.endswith("?") for question in own)
    assert not list(school.glob(".asked*"))
    build = Build.opened(school / "build")
    parts = {span["part"] for span in build.spans("dialogue")}
    assert {"question", "detect"} <= parts
    assert not build.result.audit.leaks


def test_roles_are_tried_in_every_place(
    tried: RolesResult, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(tried.run)
    check_numbers(run)
    assert set(tried.matrix) == {"base", *ROLES} and set(tried.roles) == set(ROLES)
    tests = set(tried.matrix["base"])
    assert {"memorised", "attempt", "noticed", "confirmed", "repair"} <= tests
    assert all(set(row) == tests for row in (*tried.matrix.values(), tried.single.matrix))
    assert set(tried.transitions) == {"alone", "fixed", "confidence", "contradiction"}
    assert tried.asked["two_hop_practised"] == 2 and len(tried.asked) > 1
    alone = tried.transitions["alone"]
    assert alone.handed.value == 0 and alone.gain.value == 0
    said = json.loads((run / "metrics.json").read_text())
    assert {"value", "ci"} <= set(said["matrix"]["critic"]["repair"])
    assert said["single"]["transitions"]["fixed"]["value"] is not None
    assert (run / "report.html").is_file()
    show(tried, False, run)
    assert tried.said in " ".join(capsys.readouterr().out.split())
    # As many weights and tokens in one as in all others together.
    assert tried.single.trained.rank == sum(each.rank for each in tried.roles.values())
    assert tried.single.trained.weights == sum(each.weights for each in tried.roles.values())
    assert all(each.tokens >= SMALL["tokens"] for each in tried.roles.values())
    assert tried.single.trained.tokens >= SMALL["tokens"] * len(ROLES)


def test_adapters_are_apart_and_the_base_is_as_it_was(tried: RolesResult, school: Path) -> None:
    model = json.loads((school / "metrics.json").read_text())["model_sha256"]
    assert locate(str(school / "model")).sha256() == model
    network = AutoModelForCausalLM.from_pretrained(school / "model")
    base = [weight.detach().clone() for weight in network.parameters()]
    loaded: Any = network
    for number, role in enumerate(ROLES):
        folder = Path(tried.run) / "adapters" / role
        if number:
            loaded.load_adapter(folder, role)
        else:
            loaded = PeftModel.from_pretrained(network, folder, adapter_name=role)
    named = dict(loaded.named_parameters())
    learned = {
        role: [w for name, w in named.items() if f".{role}." in name and "lora_B" in name]
        for role in ROLES
    }
    assert all(weight.abs().sum() > 0 for some in learned.values() for weight in some)
    for a, b in zip(learned["student"], learned["critic"], strict=True):
        assert a.data_ptr() != b.data_ptr() and not torch.equal(a, b)
    rest = [weight for name, weight in named.items() if "lora_" not in name]
    assert len(rest) == len(base) and all(map(torch.equal, rest, base))


def test_a_role_learns_from_its_own_lines_alone(school: Path) -> None:
    build, genome = Build.opened(school / "build"), read_genome(school.parent / "school.yaml")
    adapters = adapters_of(genome, [])
    for role in ROLES:
        for row in lines_of(build, genome, adapters, [role], 256, 500, 0):
            learned = [i for i, weight in zip(row.ids, row.weights, strict=True) if weight]
            said = build.codec.decode([i for i in learned if i != build.codec.end_id])
            assert f"{role.capitalize()}." in said
            assert not any(f"{other.capitalize()}." in said for other in ROLES if other != role)
    early = [each.id for each in build.result.stages].index("science")
    assert early and adapters["critic"].from_ == "science"
    with pytest.raises(LithoError, match="nobody called teacher says anything"):
        lines_of(build, genome, {"teacher": adapters["critic"]}, ["teacher"], 1, 500, 0)


def test_who_is_written_with_a_capital_speaks_with_an_adapter(
    tried: RolesResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = _prepared(RolesSpec(school=tried.school, config=RolesConfig(**SMALL)))
    assert ready.cast == Cast("tutor", *ROLES)
    model, on = litho.load(str(Path(tried.school) / "model")), set[str | None]()

    def noted(name: str | None) -> AbstractContextManager[object]:
        on.add(name)
        return nullcontext()

    monkeypatch.setattr(model, "state", noted)
    exchanges(model, ["Why is it?"], ready.cast, _states(model, ready))
    assert on == set(ROLES)


def test_stopped_roles_end_in_the_same_bytes(
    tried: RolesResult, school: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.learn.schooling.voice.SAVE_SECONDS", 0.0)
    seen = 0

    class Stop:
        def is_set(self) -> bool:
            nonlocal seen
            seen += 1
            return seen == 9

    out = tmp_path / "run"
    with pytest.raises(Interrupted, match="litho resume"):
        litho.roles(school, out=out, cancel=cast(Any, Stop()), **SMALL)
    result = litho.resume(out)
    assert isinstance(result, RolesResult)
    for role in (*ROLES, "single"):
        name = f"adapters/{role}/adapter_model.safetensors"
        assert (out / name).read_bytes() == (Path(tried.run) / name).read_bytes()
    same = {"matrix", "transitions", "difference", "said"}
    assert result.model_dump(include=same) == tried.model_dump(include=same)


def test_roles_are_asked_in_turn(tried: RolesResult, school: Path, litho: Litho) -> None:
    turned = Turned(Path(tried.run), ROLES)
    said = turned.ask("What is the hue of the mineral in the soil of the vulzora?")
    assert [each.role for each in said.turns] == list(ROLES)
    assert said.last_word == "reformulator" and said.answer == said.turns[-1].said
    for wrong, message in (
        ((tried.run, "--roles", "rebel"), "no adapter for the role 'rebel'"),
        ((tried.run, "--roles", "single"), "no adapter for the role 'single'"),
        ((str(school), "--roles", "critic"), "has no roles"),
        ((tried.run, "--roles", ","), "names nobody"),
        ((tried.run, "--roles", "critic", "--tokens", "80"), "do not go with --roles"),
        ((tried.run, "--roles", "critic", "--voices", "base"), "do not go with --roles"),
        ((tried.run,), "not of imprint"),
    ):
        code, out, err = litho("ask", wrong[0], "Why?", *wrong[1:])
        assert (code, out) == (2, "") and message in " ".join(err.split()), err
    code, out, _ = litho("ask", tried.run, "Why is it?", "--roles", "student,critic", "--json")
    assert code == 0 and [t["role"] for t in json.loads(out)["turns"]] == ["student", "critic"]


def test_questions_are_put_as_the_school_puts_them(
    tried: RolesResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def spoken(model: LanguageModel, transcripts: Sequence[str]) -> list[str]:
        heard.extend(transcripts)
        return ["You have taken the wrong bridge."]

    monkeypatch.setattr("litho.jobs.ask.turns.spoken", spoken)
    assert Turned(Path(tried.run), ["student"]).ask("Why is it?").objected is False
    assert heard == ["Tutor. Why is it?\n\nStudent."]
    run = Path(shutil.copytree(tried.run, tmp_path / "run"))
    said = json.loads((run / "metrics.json").read_text())
    for who, asks, objected in (
        (["a", "critic", "student", "d"], "A", True),
        (None, "Teacher", 0),
    ):
        (run / "metrics.json").write_text(json.dumps(said | {"cast": who}))
        assert Turned(run, ["student"]).ask("Why is it?").objected == objected
        assert heard[-1].startswith(f"{asks}. ")


def test_what_is_no_school_is_refused(tried: RolesResult, tmp_path: Path) -> None:
    with pytest.raises(LithoError, match="is no run of litho school"):
        litho.roles(Path(tried.run), out=tmp_path / "run")
    with pytest.raises(LithoError, match="rate"):
        litho.roles(Path(tried.school), out=tmp_path / "run", rate=0)
    assert not list(tmp_path.iterdir())
