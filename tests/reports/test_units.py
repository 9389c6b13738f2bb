"""Reports lead with whether an image shows its unit, beside shuffled weights; stronger patterns are shown."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.visualization.test_image_evidence import edges, stripes
from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.inputs.image_files import LabelledImages
from xai.model.model import Model
from xai.reports.presets.images import model_report
from xai.reports.sections.units import units_section
from xai.reports.unit_choice import visualize_groups
from xai.reports.unit_controls import control_numbers, layer_control, shown_units
from xai.reports.unit_views import kind_of_verdict, unit_view, verdict
from xai.results.finding import Finding
from xai.results.visualization import Visualization
from xai.visualization import objectives
from xai.visualization.ascent import visualize
from xai.visualization.edges import Edges
from xai.visualization.image_evidence import control_count
from xai.visualization.predictive import similarities


def finding(check: str, status: str, **details: object) -> Finding:
    return Finding(check, status, 0.5, 0.5, "control", f"{check} {status}.", details)


def judged(shows: str, **statuses: str) -> Visualization:
    """Return an image with such findings; what is not named passes."""
    names = ("predictive", "path", "held_out_changes", "stronger_stimuli", "real_images", "small_changes", "noise")
    details = {"strongest": "checkerboard of 2 pixels", "number": 3, "real_count": 90, "below": 90, "below_changed": 90}
    found = [finding("shows_unit", shows)]
    found += [finding(name, statuses.get(name, "pass"), **details) for name in names]
    image, one = torch.zeros(1, 1, 8, 8), torch.zeros(1)
    rest = {"snapshots": {}, "options": {}, "model_digest": "", "seed": 0, "kind": "image"}
    return Visualization(("conv channel 0",), image, one[None], one, one, **rest, evidence=(tuple(found),))


@pytest.mark.parametrize(
    ("shows", "statuses", "status", "words"),
    [
        ("pass", {}, "pass", "shows its unit"),
        ("pass", {"stronger_stimuli": "warn"}, "pass", "shows its unit, a checkerboard excites it more"),
        ("fail", {"predictive": "fail"}, "fail", "does not predict"),
        ("fail", {"path": "fail", "held_out_changes": "fail"}, "fail", "another path"),
        ("fail", {"held_out_changes": "fail"}, "fail", "lost when sheared"),
        ("fail", {"stronger_stimuli": "fail"}, "fail", "not the strongest: a checkerboard excites it more"),
        ("untestable", {"predictive": "untestable"}, "untestable", "not tested"),
        ("fail", {"predictive": "fail", "small_changes": "fail"}, "fail", "adversarial noise"),
        ("pass", {"noise": "fail"}, "fail", "uninterpretable"),
    ],
)
def test_the_verdict_is_whether_it_shows_its_unit(
    shows: str, statuses: dict[str, str], status: str, words: str
) -> None:
    """That it excites the unit above all real images, which each of these does, decides nothing."""
    row = judged(shows, **statuses)
    found = verdict(row)
    assert (found["status"], found["words"]) == (status, words)
    assert kind_of_verdict(row) == words.partition(",")[0].partition(":")[0]
    assert "shows_unit" in found["brief"]
    assert "real_images" not in found["brief"]


def test_the_brief_text_names_what_did_not_pass() -> None:
    assert verdict(judged("fail", path="fail"))["brief"] == "shows_unit fail. path fail."


def spots() -> Model:
    """Return a network whose units answer to a checkerboard, and to no edge."""
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    board = ((rows + columns) % 2).float() - 0.5
    network = nn.Sequential(nn.Conv2d(1, 2, 4, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network.append(nn.Linear(2, 3))
    with torch.no_grad():
        network[0].weight.copy_(torch.stack([board, -board])[:, None])
    return Model(network, input=ImageInput((1, 12, 12)))


def test_a_stronger_pattern_is_shown() -> None:
    """After one step from noise a checkerboard excites the detector of checkerboards more: it is the one drawn."""
    model, real = spots(), stripes(60)
    made = visualize(model, objectives.channel("0", 0), steps=1, reference=real)
    assert "checkerboard of 1 pixels" in made.finding("stronger_stimuli").details["strongest"]
    view = unit_view(model, made, "0", real, {})
    assert "checkerboard of 1 pixels" in view["stimulus"]["name"]
    assert view["stimulus"]["picture"].startswith("data:image/png")
    body = units_section(model, {"0": made}, {}, real, "stripes").body
    assert view["stimulus"]["picture"] in body
    assert f"{view['stimulus']['name']} excites it more" in body


@pytest.fixture(scope="module")
def tested() -> tuple[Model, dict[str, Visualization], torch.Tensor]:
    model, real = edges(), stripes(150)
    units = {"2": [objectives.channel("2", number) for number in range(12)]}
    return model, visualize_groups(model, units, real=real, steps=12, features="edges"), real


def test_a_section_has_the_control_of_each_layer_once(tested: tuple) -> None:
    model, groups, real = tested
    made = groups["2"]
    control = layer_control(made)
    details = made.finding("predictive").details
    assert control["total"] == 12
    assert control["shown"] == shown_units([made])["pass"]
    assert control["controls"] == len(details["controls"]) == 40
    assert control["own"] > control["control"]
    section = units_section(model, groups, {}, real, "stripes")
    assert f"<b>{control['shown']} of 12 images pass</b>" in section.body
    assert f"{control['control']:.2f} (of 40)" in section.body
    assert "92 more images were made" in section.body  # 12 minimized ones, and 2 for each of 40
    assert "above all" not in section.body
    assert section.data["controls"] == {"2": control_numbers(made)} == {"2": details["controls"]}
    assert all("controls" not in item["details"] for unit in section.data["units"] for item in unit["evidence"])


def test_the_cost_is_that_of_the_images_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said to be made beside the images asked for is what is made."""
    from xai.visualization import ascent

    counts = []
    original = ascent._in_batches

    def counted(reader, objectives, problem, config, copies, *rest):
        counts.append(len(objectives) * copies)
        return original(reader, objectives, problem, config, copies, *rest)

    monkeypatch.setattr(ascent, "_in_batches", counted)
    units = [objectives.channel("2", number) for number in range(12)] + [objectives.logit(0)]
    visualize(edges(), units, steps=1, reference=stripes(60), features="edges")
    assert sum(counts) == len(units) + control_count(units)


def test_without_a_control_none_is_claimed() -> None:
    made = visualize(edges(), objectives.channel("2", 0), steps=2, reference=stripes(60))
    assert layer_control(made) is None
    assert control_numbers(made) == []


def test_the_report_leads_with_what_shows_its_unit() -> None:
    real = stripes(60)
    data = LabelledImages(real, [f"{number}" for number in range(60)], torch.arange(60) % 3, "stripes")
    page = model_report(edges(), data, examples=0, layers=("2",), units=2, steps=1).html()
    assert "more than every real image does" not in page
    assert "control of visualizations" in page


def test_fixed_filters_see_angles_and_places() -> None:
    """Stripes are most alike to stripes of their own angle; of any size and number of colors."""
    rows, columns = torch.meshgrid(torch.arange(16).float(), torch.arange(16).float(), indexing="ij")
    down, across = (0.5 + 0.5 * torch.sin(1.4 * item)[None, None] for item in (columns, rows))
    shifted = 0.5 + 0.5 * torch.sin(1.4 * (columns + 1))[None, None]
    see = Edges()
    real = torch.cat([down, across])
    alike = similarities(see.of(shifted, 1), see.of(real, 2))[0]
    assert alike[0] > alike[1]
    for shape in ((2, 3, 64, 40), (2, 1, 3, 3)):
        parts = see.of(torch.rand(shape, generator=torch.Generator().manual_seed(0)), 1)
        assert [len(part) for part in parts] == [2, 2]
        assert all(bool(part.isfinite().all()) for part in parts)


def test_a_word_that_names_no_features_is_refused() -> None:
    with pytest.raises(InputError, match=r"visualize: features: expected an xai\.Model or \"edges\", got 'edge'"):
        visualize(edges(), objectives.channel("2", 0), steps=2, reference=stripes(60), features="edge")
