"""The report: hostile text is text, nothing is fetched, the numbers ride along, a file is whole or absent."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from xai.attribution.gradient_methods import saliency
from xai.base.errors import InputError
from xai.evidence.verify import verify
from xai.inputs.image import ImageInput
from xai.inputs.image_files import LabelledImages
from xai.lime.image import lime_image
from xai.model.model import Model
from xai.plots.bars import bars_figure, curve_figure
from xai.plots.explanations import explanation_figure
from xai.plots.pictures import heat_picture, image_picture, strongest
from xai.reports.escape import script_json
from xai.reports.page import Report, Section
from xai.reports.presets.images import model_report
from xai.reports.provenance import facts_section
from xai.reports.svg import inline_svg
from xai.results.explanation import Explanation
from xai.results.finding import Finding
from xai.visualization import objectives
from xai.visualization.ascent import visualize

HOSTILE = "</script><img src=x onerror=alert(1)>\"'{{7*7}}$x^2$\u2028\x00"


def hostile_report() -> tuple[Report, Model]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))
    model = Model(network, classes=[HOSTILE, "plain"], input=ImageInput((1, 8, 8)), name=HOSTILE)
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(12, 1, 8, 8, generator=generator)
    labels = torch.arange(12) % 2
    data = LabelledImages(batch, (HOSTILE,) * 12, labels, HOSTILE)
    report = model_report(
        model, data, examples=3, steps=2, units=2, methods=("saliency", "lime_image"), origin={HOSTILE: HOSTILE}
    )
    return report, model


@pytest.fixture(scope="module")
def page() -> str:
    return hostile_report()[0].html()


def test_an_origin_that_is_no_table_is_named() -> None:
    with pytest.raises(InputError, match="origin: expected a dictionary of facts"):
        facts_section(Model(nn.Linear(2, 2)), {}, "\ud800")


class Tags(HTMLParser):
    """Collects what a browser would see: elements with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def tags(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    return parser


def test_hostile_names_stay_text(page: str, tags: Tags) -> None:
    assert not [item for tag, item in tags.elements if any(name.startswith("on") for name in item)]
    sources = {item.get("src", "")[:5] for tag, item in tags.elements if tag == "img"}
    assert sources == {"data:"}
    assert [tag for tag, _ in tags.elements].count("script") == 2
    assert "{{7*7}}" in "".join(tags.text)  # a template would have made 49 of it
    assert "onerror=alert(1)" in "".join(tags.text)  # shown, as text


def test_nothing_is_fetched(page: str, tags: Tags) -> None:
    for tag, item in tags.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = item.get(name, "#")
            assert value.startswith(("#", "data:image/")), f"{tag} {name}={value[:40]}"
        assert "style" not in item, f"{tag} has an inline style, which the policy forbids"
    assert "@import" not in page
    assert set(re.findall(r"url\((.)", page)) <= {"#"}


def test_the_policy_allows_exactly_what_is_there(page: str) -> None:
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1))
    assert policy.startswith("default-src 'none';")
    style = re.search(r"<style>(.*?)</style>", page, re.S).group(1)
    script = re.findall(r"<script>(.*?)</script>", page, re.S)[0]
    for content in (style, script):
        assert base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() in policy
    assert "unsafe" not in policy


def test_the_numbers_ride_along(page: str) -> None:
    content = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page, re.S).group(1)
    assert not set(content) & {"<", ">", "&", "\u2028", "\u2029"}
    data = json.loads(content)
    assert data["title"].startswith(HOSTILE)
    example = data["sections"]["examples"]["examples"][0]
    assert {item["method"] for item in example["explanations"]} >= {"saliency", "lime_image"}
    assert np.array(example["explanations"][0]["map"]).shape == (8, 8)
    assert len(data["sections"]["provenance"]["digest"]) == 64
    performance = data["sections"]["performance"]
    assert sum(map(sum, performance["confusion"])) == 12
    assert performance["accuracy"] == sum(performance["confusion"][i][i] for i in range(2)) / 12


def test_every_picture_has_a_text_and_every_section_a_link(tags: Tags) -> None:
    images = [item for tag, item in tags.elements if tag == "img"]
    assert images
    assert all("alt" in item for item in images)
    ids = [item["id"] for _, item in tags.elements if "id" in item]
    assert len(set(ids)) == len(ids)
    assert {item["href"][1:] for tag, item in tags.elements if tag == "a"} <= set(ids)
    assert [item.get("lang") for tag, item in tags.elements if tag == "html"] == ["en"]


def test_the_same_report_is_the_same_file() -> None:
    def without_time(text: str) -> str:
        return re.sub(r'"seconds":"[^"]*"|seconds</th><td><code>[^<]*|"sha256":"[^"]*"', "", text)

    first, second = (without_time(hostile_report()[0].html()) for _ in range(2))
    assert first == second


def test_without_data_it_says_so() -> None:
    _, model = hostile_report()
    text = model_report(model, steps=2, units=1).html()
    assert "not measured" in text
    assert "not tested" in text
    assert 'id="performance"' not in text


def test_models_that_are_no_image_classifiers_are_named() -> None:
    with pytest.raises(InputError, match="an image classifier"):
        model_report(Model(nn.Linear(2, 2)))
    _, model = hostile_report()
    batch = LabelledImages(torch.rand(1, 1, 8, 8), ("x",))
    with pytest.raises(InputError, match="methods: expected among"):
        model_report(model, images=batch, methods=["magic"], units=0)
    with pytest.raises(InputError, match="layer"):
        model_report(model, layers=["nowhere"])


def test_pictures_with_several_labels_have_a_report() -> None:
    """The score of each label is the brightness of a quarter: what is there, and what is called, is known."""
    network = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4, 4))
    with torch.no_grad():
        network[2].weight.copy_(20 * torch.eye(4))
        network[2].bias.fill_(-10.0)
    model = Model(network, task="multilabel", classes=["north west", "north east", "south west", "south east"],
                  input=ImageInput((1, 8, 8)))  # fmt: skip
    labels = torch.tensor([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 0, 0]])
    images = labels.view(-1, 1, 2, 2).repeat_interleave(4, 2).repeat_interleave(4, 3).float()
    labels[5] = torch.tensor([0, 0, 1, 1])  # a wrong label: the picture is bright in the north east
    data = LabelledImages(images, tuple(f"picture {row}" for row in range(6)), labels)
    own = LabelledImages(images[:1], ("mine",))
    report = model_report(model, data, own, methods=("saliency",), checks=["deletion"], examples=6, units=0)
    numbers = {section.id: section.data for section in report.sections if hasattr(section, "data")}
    assert numbers["performance"]["accuracy"] == pytest.approx(5 / 6)
    found = {item["name"]: (item["predicted"], item["truth"]) for item in numbers["examples"]["examples"]}
    assert found["mine"] == ("north west", None)
    assert found["picture 5"] == ("north east", "south west, south east")
    assert {words for words in found.values() if words[0] == words[1]} >= {("none of them", "none of them")}
    text = report.html()
    assert "says which of 4 labels it has" in text
    assert "wrong: it is south west, south east" in text


def test_anything_becomes_a_section() -> None:
    _, model = hostile_report()
    batch = torch.rand(1, 1, 8, 8)
    made = verify(model, lime_image(model, batch, samples=50), ["deletion"])
    finding = Finding(HOSTILE, "warn", float("nan"), None, HOSTILE, HOSTILE)
    picture = visualize(model, objectives.logit(0), steps=1)
    report = Report("all", [made, picture, finding, [finding], Section("own", "Own", Report("x", []).lead)])
    text = report.html()
    assert "<img src=x" not in text
    assert text.count("<section") == 5
    with pytest.raises(InputError, match="explanations, visualizations, findings"):
        Report("bad", [3])
    with pytest.raises(InputError, match="id of its own"):
        Report("bad", [Section("a", "A", report.lead), Section("a", "B", report.lead)])


def test_notebook_display_is_a_fragment_with_folded_evidence() -> None:
    report, model = hostile_report()
    made = verify(model, lime_image(model, torch.rand(1, 1, 8, 8), samples=50), ["deletion"])
    for item in (made, visualize(model, objectives.logit(0), steps=1), report):
        shown = item._repr_html_()
        assert shown.startswith('<div class="xai-result">')
        assert "<script" not in shown
        assert "<iframe" not in shown
        assert "<img src=x" not in shown
    folded = '<details class="evidence"><summary>Evidence</summary>'
    _, _, behind = made._repr_html_().partition(folded)
    assert behind.index('<table class="findings"') < behind.index("</details>")
    assert '<details class="evidence" open>' in Report("shown", [made]).html()
    assert made._repr_png_().startswith(b"\x89PNG")
    assert isinstance(made, Explanation)


def test_a_fragment_carries_only_the_style_that_it_needs() -> None:
    """Every rule that matches something in it, and no other: a notebook of many results stays small."""
    _, model = hostile_report()
    shown = lime_image(model, torch.rand(1, 1, 8, 8), samples=50)._repr_html_()
    style = re.search(r"<style>(.*?)</style>", shown, re.S).group(1)
    assert len(style) < 6000
    for name in (".overlay img", ".plots svg", ".legend", "figcaption", ".card"):
        assert re.search(rf"^(?:.*, )?{re.escape(name)}(?:, .*)? {{", style, re.M), name
    for name in (".atlas", ".confusion", ".hero", "nav", "@page", ".shaded"):
        assert name not in style


def test_script_json_keeps_values() -> None:
    value = {"a": [1, 2.5, None, True, HOSTILE], "nan": float("nan"), "inf": [float("inf")]}
    text = script_json(value)
    assert json.loads(text) == {"a": value["a"], "nan": None, "inf": [None]}
    assert not set(str(text)) & {"<", ">", "&", "\u2028"}


class TestPictures:
    def decode(self, uri: str) -> Image.Image:
        return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))

    def test_pixels_survive(self) -> None:
        image = torch.arange(64.0).view(1, 8, 8) / 63
        read = np.asarray(self.decode(image_picture(image)))
        assert np.allclose(read / 255, image[0].numpy(), atol=1 / 255)

    def test_heat_is_transparent_where_nothing_is(self) -> None:
        heatmap = torch.zeros(6, 6)
        heatmap[1, 2], heatmap[4, 4] = 2.0, -2.0
        heat = heat_picture(heatmap)
        pixels = np.asarray(self.decode(heat.uri).convert("RGBA"))
        assert heat.signed
        assert heat.scale == pytest.approx(2.0)
        assert pixels[0, 0, 3] == 0
        assert pixels[1, 2].tolist() == [232, 89, 12, 235]
        assert pixels[4, 4].tolist() == [34, 139, 230, 235]

    def test_an_empty_map_has_a_picture(self) -> None:
        assert heat_picture(torch.zeros(4, 4)).scale == 1.0
        assert "empty" in strongest(torch.zeros(4, 4))

    def test_places_in_words(self) -> None:
        heatmap = torch.zeros(10, 10)
        heatmap[1, 8] = 1
        assert strongest(heatmap) == "upper right"


class TestFigures:
    def test_svg_has_no_style_and_no_fixed_black(self) -> None:
        svg = inline_svg(
            bars_figure(["a<b", "$c_2$", "\x00"], [1.0, -2.0, 0.5], [0.1, 0.2, 0.3], HOSTILE), 'a "label" <b>'
        )
        assert "style=" not in svg
        assert "<style" not in svg
        assert "currentColor" in svg
        assert "#000000" not in svg
        assert "<b>" not in svg
        assert "<img" not in svg

    def test_curves(self) -> None:
        svg = inline_svg(curve_figure([0, 1], {"own": [1, 0], "control": [1, 1]}, "x", "y"), "curve")
        assert svg.startswith("<svg")
        assert "control" in svg

    def test_two_figures_share_no_id(self) -> None:
        first, second = (inline_svg(curve_figure([0, 1], {"own": [1, y]}, "x", "y"), "curve") for y in (0, 2))
        ids = [re.findall(r'id="([^"]+)"', str(svg)) for svg in (first, second)]
        assert ids[0]
        assert not set(ids[0]) & set(ids[1])

    def test_rows_are_bars(self) -> None:
        from xai.attribution.gradient_methods import saliency

        figure = explanation_figure(saliency(Model(nn.Linear(3, 2)), torch.rand(1, 3)))
        assert len(figure.axes[0].patches) == 3


def test_of_a_thousand_rows_some_are_shown_and_the_page_says_so() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    model = Model(network, input=ImageInput((1, 8, 8)))
    made = saliency(model, torch.rand(1000, 1, 8, 8))
    page = Report("Many", [made]).html()
    assert "30 of 1,000 rows are shown" in page
    assert page.count('<div class="card">') == 30
    assert len(page) < 3_000_000
    assert "rows are shown" not in Report("Few", [made[:30]]).html()
