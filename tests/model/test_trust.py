"""What a model folder may name without being trusted, and folders that try to run code: none does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from models.factories import FACTORIES, WRAPPERS
from models.recipe_table import RECIPES
from tests import optional
from xai.base.errors import FolderError
from xai.model.factory import build_network
from xai.model.folder import load, save_model
from xai.model.installed import import_installed
from xai.model.model import Model

ROOT = Path(__file__).parents[2]
with contextlib.suppress(pytest.skip.Exception):  # before the current folder has packages of these names
    optional.timm()
HEAD = 'task = "classification"\noutput = "logits"\n'
MARKED = """
import pathlib
pathlib.Path({mark!r}).write_text("ran")
from torch import nn
class Net(nn.Linear):
    def __init__(self, **settings):
        pathlib.Path({mark!r}).write_text("ran")
        super().__init__(2, 2)
def build(**settings) -> nn.Module:
    pathlib.Path({mark!r}).write_text("ran")
    return Net()
"""
SHELL = {"command": "touch {mark}"}
PYTHON = "__import__('pathlib').Path('{mark}').write_text('ran')"
BLOCK = "import pathlib\npathlib.Path('{mark}').write_text('ran')\ndef forward(self, x): return x\n"

# Factory and arguments; {mark} is the file that shows that something ran, {here} the folder above the model's.
HOSTILE: list[tuple[str, dict[str, object]]] = [
    # functions and classes of torch that execute what they are given
    ("torch.fx.graph_module:reduce_graph_module", {"import_block": BLOCK, "body": {"_code": "#"}}),
    ("torch.fx.graph_module:reduce_package_graph_module", {"importer": "x", "body": {}, "generated_module_name": "x"}),
    ("torch.fx.graph_module:_forward_from_src", {"src": BLOCK, "globals": {}}),
    ("torch.fx.graph_module:_exec_with_source", {"src": BLOCK, "globals": {}}),
    ("torch.fx:GraphModule", {"root": {}, "graph": PYTHON}),
    ("torch.fx.graph_module:GraphModule", {"root": {}, "graph": PYTHON}),
    ("torch.fx:Interpreter", {"module": "x"}),
    ("torch.jit:load", {"f": "{here}/evil.py"}),
    ("torch.jit:ScriptModule", {}),
    ("torch.jit:CompilationUnit", {"lang": "def f(): return 1"}),
    ("torch.jit._script:RecursiveScriptModule", {"cpp_module": "x"}),
    ("torch:load", {"f": "{here}/evil.pickle", "weights_only": False}),
    ("torch.hub:load", {"repo_or_dir": "{here}", "model": "build", "source": "local"}),
    ("torch.hub:load_state_dict_from_url", {"url": "file://{here}/evil.pickle"}),
    ("torch.export:load", {"f": "{here}/evil.py"}),
    ("torch.package:PackageImporter", {"file_or_buffer": "{here}"}),
    ("torch.utils.cpp_extension:load_inline", {"name": "evil", "cpp_sources": "int x;"}),
    ("torch._dynamo.eval_frame:OptimizedModule", {"mod": "x", "dynamo_ctx": "x"}),
    ("torch.ao.nn.intrinsic:LinearReLU", {"linear": 1, "relu": 2}),
    ("torch.nn.quantized:Linear", {"in_features": 2, "out_features": 2}),
    ("torch.distributed.nn:RemoteModule", {"remote_device": "x", "module_cls": "x"}),
    # torch.nn, but no module class that is public there by this name
    ("torch.nn:Module", {}),
    ("torch.nn:Module.__init_subclass__", {}),
    ("torch.nn:Linear.__init__", {}),
    ("torch.nn:modules.linear.Linear", {"in_features": 2, "out_features": 2}),
    ("torch.nn:functional.relu", {}),
    ("torch.nn.functional:relu", {"input": [1.0]}),
    ("torch.nn.init:zeros_", {"tensor": [1.0]}),
    ("torch.nn:DataParallel", {"module": 1}),
    ("torch.nn.parallel:DistributedDataParallel", {"module": 1}),
    ("torch.nn.utils.parametrize:ParametrizationList", {"modules": [1], "original": 2}),
    ("torch.nn.modules.module:OrderedDict", {}),
    ("torch.nn.modules.module:Module", {}),
    ("torch.nn.modules.module:_WrappedHook", {"hook": 1}),
    ("torch.nn.modules.batchnorm:_BatchNorm", {"num_features": 2}),
    ("torch.nn.modules.linear:math.exp", {"x": 1}),
    ("torch.nn.modules.linear.Linear:__call__", {}),
    ("torch.nn:__getattr__", {"name": "Linear"}),
    ("torch.nn:Parameter", {"data": [1.0]}),
    # Python itself
    ("builtins:exec", {"source": PYTHON}),
    ("builtins:eval", {"source": PYTHON}),
    ("builtins:__import__", {"name": "evil"}),
    ("os:system", SHELL),
    ("posix:system", SHELL),
    ("os:popen", {"cmd": SHELL["command"]}),
    ("os.path:os.system", SHELL),
    ("subprocess:run", {"args": ["touch", "{mark}"]}),
    ("subprocess:Popen", {"args": ["touch", "{mark}"]}),
    ("importlib:import_module", {"name": "evil"}),
    ("runpy:run_path", {"path_name": "{here}/evil.py"}),
    ("pickle:loads", {"data": "x"}),
    ("code:InteractiveInterpreter", {}),
    ("this:s", {}),
    ("site:addsitedir", {"sitedir": "{here}"}),
    # code of the folder, or beside it; all of this lies in the current folder, which is searched first
    ("network.py:build", {}),
    ("network.py:Net", {}),
    ("linked.py:build", {}),
    ("./network.py:build", {}),
    ("../evil.py:build", {}),
    ("{here}/evil.py:build", {}),
    ("sub/../network.py:build", {}),
    ("evil:Net", {}),
    ("evil:build", {}),
    ("helpers:Net", {}),
    ("helpers.inner:Net", {}),
    ("model.network:Net", {}),
    ("models:Net", {}),
    ("models.evil:Net", {}),
    ("models.networks.evil:Net", {}),
    ("torchvision:Net", {}),
    ("torchvision.models:Net", {}),
    ("torchvision.models:build", {}),
    ("timm.models:Net", {}),
    # of the packages that list networks: what is no listed network, and what would fetch or read weights
    ("torchvision.models:get_model", {"name": "resnet18"}),
    ("torchvision.models:get_weight", {"name": "ResNet18_Weights.DEFAULT"}),
    ("torchvision.models.resnet:resnet18", {}),
    ("torchvision.models.feature_extraction:DualGraphModule", {"root": {}, "graph": PYTHON}),
    ("torchvision.models:resnet18.__call__", {}),
    ("torchvision.models:ResNet", {"layers": [1, 1, 1, 1]}),
    ("torchvision.models:resnet18", {"weights": "DEFAULT"}),
    ("torchvision.models:resnet18", {"pretrained": True}),
    ("torchvision.models:resnet18", {"norm_layer": PYTHON}),
    ("torchvision.models:resnet18", {"num_classes": {"a": 1}}),
    ("torchvision.models:fcn_resnet50", {"weights_backbone": "DEFAULT"}),
    ("torchvision.models:vit_b_32", {"image_size": 10**8}),
    ("torchvision.io:read_file", {"path": "{here}/evil.py"}),
    ("timm:create_model", {"model_name": "hf-hub:timm/resnet18.a1_in1k", "pretrained": True}),
    ("timm.models:create_model", {"model_name": "resnet18", "checkpoint_path": "{here}/evil.pickle"}),
    ("timm.models:load_checkpoint", {"model": 1, "checkpoint_path": "{here}/evil.pickle"}),
    ("timm.models:resnet18", {"pretrained": True}),
    ("timm.models:resnet18", {"pretrained_cfg": "a1_in1k"}),
    ("timm.models:resnet18", {"pretrained_cfg_overlay": {"file": "{here}/evil.pickle"}}),
    ("timm.models:resnet18", {"act_layer": PYTHON}),
    ("timm.models:vit_tiny_patch16_224", {"img_size": 10**8}),
    ("timm.layers:create_act_layer", {"name": PYTHON}),
    # this distribution's own, where it is none of its factories
    ("models.networks.convolutional:nn.Linear", {"in_features": 2, "out_features": 2}),
    ("models.networks.convolutional:OrderedDict", {}),
    ("models.networks.convolutional:expected", {"operation": "a", "argument": "b", "wanted": "c", "got": "d"}),
    ("models.recipes:train_recipe", {"name": "diabetes-neuron", "folder": "{mark}"}),
    ("models.recipes:_function", {"path": "evil:build"}),
    ("models.checkpoint:save_weights", {"path": "{mark}", "network": 1}),
    ("models.networks.convolutional:__builtins__", {}),
    ("xai.model.factory:build_network",
        {"folder": "{here}", "factory": "evil:build", "arguments": {}, "trust_code": True}),
    ("xai.base.files:write_atomically", {"path": "{mark}", "content": "ran", "operation": "x"}),
    # a known factory that builds by another one
    ("models.compression.folders:smaller", {"factory": "os:system", "arguments": SHELL, "sizes": {}, "shape": [4]}),
    ("models.compression.folders:smaller", {"factory": "network.py:build", "arguments": {}, "sizes": {}, "shape": [4]}),
    ("models.compression.folders:smaller", {"factory": "evil:build", "arguments": {}, "sizes": {}, "shape": [4]}),
    ("models.compression.folders:coarse",
        {"factory": "builtins:exec", "arguments": {"source": PYTHON}, "kind": "int8", "layers": []}),
    ("models.compression.folders:coarse",
        {"factory": "models.compression.folders:smaller", "kind": "int8", "layers": [],
         "arguments": {"factory": "os:system", "arguments": SHELL, "sizes": {}, "shape": [4]}}),
    ("models.compression.folders:smaller", {"factory": "torch.nn:Linear", "shape": [10**12], "sizes": {},
        "arguments": {"in_features": 2, "out_features": 2}}),
    ("models.compression.folders:smaller", {"factory": 3, "arguments": 4, "sizes": [], "shape": "x"}),
    # arguments that a class does not take, or that no machine holds
    ("torch.nn:Linear", {"in_features": {"__class__": "os.system"}, "out_features": 2}),
    ("torch.nn:Linear", {"in_features": [[2]], "out_features": 2}),
    ("torch.nn:Linear", {"in_features": 2, "out_features": 2, "hook": PYTHON}),
    ("torch.nn:Linear", {"in_features": "2", "out_features": 2}),
    ("torch.nn:Linear", {"self": 1, "in_features": 2, "out_features": 2}),
    ("torch.nn:Linear", {"in_features": 2}),
    ("torch.nn:Linear", {"in_features": 2, "out_features": 2, "device": "meta"}),
    ("torch.nn:LazyLinear", {"out_features": 2}),
    ("torch.nn:Linear", {"in_features": 10**8, "out_features": 10**8}),
    ("torch.nn:Embedding", {"num_embeddings": 10**18, "embedding_dim": 10**18}),
    ("torch.nn:LSTM", {"input_size": 1, "hidden_size": 1, "num_layers": 10**9}),
    ("torch.nn:TransformerEncoderLayer", {"d_model": 2, "nhead": 1, "activation": PYTHON}),
    ("torch.nn:Identity", {"anything": {"__reduce__": "evil:build"}}),
    ("torch.nn:Identity", {"anything": [["nested"]]}),
    ("torch.nn:ModuleDict", {"modules": {"a": "evil"}}),
    ("torch.nn:Sequential", {"args": ["evil:Net"]}),
    ("models.networks.convolutional:convolutional", {"shape": [1, 10**6, 10**6], "classes": 10**6}),
    ("models.networks.feedforward:feedforward", {"inputs": 2, "outputs": 2, "activation": "__class__"}),
    # names that are none
    ("", {}),
    (":", {}),
    ("torch.nn:", {}),
    (":Linear", {}),
    ("torch.nn:Linear:x", {}),
    ("torch..nn:Linear", {}),
    ("torch.nn: Linear", {}),
    ("torch.nn\n:Linear", {}),
    ("\u001b[2Jtorch.nn:Linear", {}),
    ("t\u043erch.nn:Linear", {}),
    ("a" * 5000 + ":b", {}),
    ("evil" + ".x" * 5000 + ":b", {}),
]  # fmt: skip


def filled(value: object, mark: Path, here: Path) -> object:
    if isinstance(value, str):
        return value.replace("{mark}", str(mark)).replace("{here}", str(here))
    if isinstance(value, dict):
        return {key: filled(item, mark, here) for key, item in value.items()}
    return [filled(item, mark, here) for item in value] if isinstance(value, list) else value


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


WATCHED: list[str] = []
RUNS = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")


def _watch(event: str, details: tuple) -> None:
    if WATCHED and event in RUNS:
        WATCHED.append(event)
    if WATCHED and event == "exec" and WATCHED[0] in str(details[0].co_filename):
        WATCHED.append(f"exec of {details[0].co_filename}")


sys.addaudithook(_watch)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a current folder, first on the path, full of code that leaves a mark where it runs."""
    marked = MARKED.format(mark=str(tmp_path / "mark"))
    for name in (
        "evil.py", "hubconf.py", "helpers/__init__.py", "helpers/inner.py", "models/__init__.py", "models/evil.py",
        "models/networks/__init__.py", "models/networks/evil.py", "model/network.py", "torchvision/__init__.py",
        "torchvision/models/__init__.py", "timm/__init__.py", "timm/models/__init__.py", "model/sub/x.py",
    ):  # fmt: skip
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(marked)
    (tmp_path / "here/model/linked.py").symlink_to("../evil.py")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "here"


def describe(here: Path, factory: str, arguments: dict[str, object]) -> Path:
    lines = [f"factory = {toml(factory)}", HEAD, "[arguments]"]
    lines += [f"{key} = {toml(value)}" for key, value in arguments.items()]
    (here / "model/model.toml").write_text("\n".join(lines))
    return here / "model"


@pytest.mark.parametrize(("factory", "arguments"), HOSTILE, ids=lambda value: str(value)[:60])
def test_a_hostile_folder_runs_nothing(here: Path, factory: str, arguments: dict[str, object]) -> None:
    mark = here.parent / "mark"
    folder = describe(here, filled(factory, mark, here), filled(arguments, mark, here))
    known, path = set(sys.modules), list(sys.path)
    WATCHED.append(str(here))
    try:
        with pytest.raises(FolderError) as caught:
            load(folder)
    finally:
        events = list(WATCHED)
        WATCHED.clear()
    assert not mark.exists()
    assert events == [str(here)]
    assert "weights.safetensors" not in str(
        caught.value
    )  # refused for what it names, before its weights are looked for
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500
    assert not {name for name in set(sys.modules) - known if name.partition(".")[0] in ("evil", "helpers", "model")}
    assert sys.path == path


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 120


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("os:system", r"would run system of os \(.*os\.py\)"),
        ("network.py:build", r"would run build of network\.py \(.*model/network\.py\)"),
        ("evil:build", r"would run build of evil \(.*here/evil\.py\)"),
        ("sys:exit", r"would run exit of sys \(a module of Python itself\)"),
        ("nowhere:Net", r"would run Net of nowhere \(a module that is not installed\)"),
    ],
)
def test_what_would_run_is_said(here: Path, factory: str, said: str) -> None:
    with pytest.raises(FolderError, match=rf"--trust-code \(trust_code=True\), which {said}"):
        load(describe(here, factory, {}))


@pytest.mark.parametrize("factory", ["network.py:build", "evil:build", "evil:Net", "helpers.inner:Net"])
def test_with_trust_the_same_folders_run(here: Path, factory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the table above would hold for folders that cannot run."""
    folder = save_model(Model(nn.Linear(2, 2)), here / "model", factory=factory)
    for name in ("evil", "helpers", "helpers.inner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert load(folder, trust_code=True).network.in_features == 2
    assert (here.parent / "mark").exists()
    for name in ("evil", "helpers", "helpers.inner"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("factory", "arguments"),
    [
        ("torch.nn:Linear", {"in_features": 2, "out_features": 3}),
        ("torch.nn.modules.linear:Linear", {"in_features": 2, "out_features": 3, "bias": False}),
        ("torch.nn:Conv2d", {"in_channels": 1, "out_channels": 2, "kernel_size": [3, 1], "padding": "same"}),
        ("torch.nn:GRU", {"input_size": 2, "hidden_size": 3, "bidirectional": True, "batch_first": True}),
        ("torch.nn:TransformerEncoderLayer", {"d_model": 4, "nhead": 2, "dropout": 0, "activation": "gelu"}),
        ("models.networks.neuron:Neuron", {}),
    ],
)
def test_module_classes_need_no_trust(tmp_path: Path, factory: str, arguments: dict[str, object]) -> None:
    network = build_network(None, factory, arguments, False)
    folder = save_model(Model(network), tmp_path, factory=factory, arguments=arguments)
    assert load(folder).digest() == Model(network).digest()


@pytest.mark.parametrize(
    ("factory", "arguments"),
    [
        ("torchvision.models:squeezenet1_1", {"num_classes": 3}),
        ("torchvision.models:shufflenet_v2_x0_5", {"num_classes": 3}),
        ("timm.models:test_vit", {"num_classes": 3, "img_size": 32}),
    ],
)
def test_listed_networks_need_no_trust(tmp_path: Path, factory: str, arguments: dict[str, object]) -> None:
    getattr(optional, factory.partition(".")[0])()
    network = build_network(None, factory, arguments, False)
    folder = save_model(Model(network), tmp_path, factory=factory, arguments=arguments)
    assert load(folder).digest() == Model(network).digest()
    text = (tmp_path / "model.toml").read_text()
    (tmp_path / "model.toml").write_text(text.replace("num_classes = 3", "pretrained = true"))
    with pytest.raises(FolderError, match="arguments: pretrained: expected none: weights come from the model folder"):
        load(folder)


def test_a_listed_network_that_another_package_added_needs_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = pytest.importorskip("timm").models._registry
    monkeypatch.setitem(registry._model_entrypoints, "squeeze", lambda **settings: nn.Linear(2, 2))
    with pytest.raises(FolderError, match="--trust-code"):
        build_network(None, "timm.models:squeeze", {}, False)


def test_each_recipe_names_a_factory_that_needs_no_trust() -> None:
    assert {recipe.factory for recipe in RECIPES.values()} <= FACTORIES
    for factory in FACTORIES | WRAPPERS:
        module, _, name = factory.partition(":")
        assert callable(
            getattr(sys.modules[module] if module in sys.modules else __import__(module, fromlist=[name]), name)
        )


USER = """
import sys, xai
first = {first}
if first: import models
model = xai.load("model")
import models
print(type(model.network).__module__, models.__file__, model.predict([[1.0]]).shape)
"""


@pytest.mark.parametrize("first", [False, True])
def test_a_users_models_folder_stays_theirs(tmp_path: Path, first: bool) -> None:
    """In the current folder and on the path, imported before or after: the network is ours, `import models` theirs."""
    (tmp_path / "models/networks").mkdir(parents=True)
    (tmp_path / "models/__init__.py").write_text("MINE = True")
    (tmp_path / "models/networks/__init__.py").write_text("raise RuntimeError('ran')")
    network = build_network(None, "models.networks.neuron:neuron", {}, False)
    save_model(Model(network, task="regression"), tmp_path / "model", factory="models.networks.neuron:neuron")
    done = subprocess.run(
        [sys.executable, "-c", USER.format(first=first)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["models.networks.neuron", str(tmp_path / "models/__init__.py")]


class TestPackagesThatTheUserAllows:
    @pytest.fixture
    def site(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a folder of installed packages with one named toolbox, which the settings allow."""
        place = here.parent / "site"
        (place / "toolbox").mkdir(parents=True)
        (place / "toolbox/__init__.py").write_text(
            "from torch import nn\nfrom torch.nn import Linear\nfrom os import system\nclass Net(nn.Linear):\n"
            "    def __init__(self, width: int = 2):\n        super().__init__(width, 2)\n"
            "def build() -> nn.Module:\n    return Net()\n"
        )
        (here.parent / "config/xai").mkdir(parents=True)
        (here.parent / "config/xai/settings.toml").write_text('[trust]\npackages = ["toolbox"]\n')
        monkeypatch.setattr(sys, "path", [*sys.path, str(place)])
        yield place
        for name in [name for name in sys.modules if name.partition(".")[0] in ("toolbox", "toolbox2")]:
            del sys.modules[name]

    def test_their_module_classes_load(self, here: Path, site: Path) -> None:
        folder = save_model(Model(nn.Linear(3, 2)), here / "model", factory="toolbox:Net", arguments={"width": 3})
        assert type(load(folder).network).__module__ == "toolbox"

    @pytest.mark.parametrize(
        "factory", ["toolbox:build", "toolbox:system", "toolbox:nn.Linear", "toolbox:Linear", "toolbox2:Net"]
    )
    def test_nothing_else_of_them_does(self, here: Path, site: Path, factory: str) -> None:
        (site / "toolbox2.py").write_text(MARKED.format(mark=str(here.parent / "mark")))
        with pytest.raises(FolderError, match="--trust-code"):
            load(describe(here, factory, {}))
        assert not (here.parent / "mark").exists()

    def test_arguments_are_held_to_the_signature(self, here: Path, site: Path) -> None:
        for arguments in ({"width": "x"}, {"height": 2}, {"width": {"a": 1}}):
            with pytest.raises(FolderError, match="arguments"):
                load(describe(here, "toolbox:Net", arguments))

    def test_one_of_that_name_in_the_current_folder_does_not_run(self, here: Path, site: Path) -> None:
        (here / "toolbox.py").write_text(MARKED.format(mark=str(here.parent / "mark")))
        assert import_installed("toolbox", here / "model").__file__ == str(site / "toolbox/__init__.py")
        del sys.modules["toolbox"]
        (site / "toolbox/__init__.py").unlink()
        (site / "toolbox").rmdir()
        with pytest.raises(FolderError, match="the installed package toolbox"):
            load(describe(here, "toolbox:Net", {}))
        assert not (here.parent / "mark").exists()

    def test_nor_where_the_model_folder_lies_elsewhere(self, here: Path, site: Path) -> None:
        (here / "toolbox.py").write_text(MARKED.format(mark=str(here.parent / "mark")))
        assert import_installed("toolbox", here.parent / "downloads" / "model").__file__ == str(
            site / "toolbox/__init__.py"
        )
        assert not (here.parent / "mark").exists()

    def test_another_that_was_imported_already_is_named(self, here: Path, site: Path) -> None:
        (here / "toolbox.py").write_text("VALUE = 1")
        __import__("toolbox")
        with pytest.raises(FolderError, match="another toolbox"):
            load(describe(here, "toolbox:Net", {}))

    def test_one_that_is_installed_from_the_folder_around(self, here: Path, site: Path) -> None:
        """An editable package whose source is the current folder counts by its distribution's record."""
        (site / "toolbox").rename(here / "toolbox")
        with pytest.raises(FolderError, match="the installed package toolbox"):
            import_installed("toolbox", here / "model")
        (site / "toolbox-1.0.dist-info").mkdir()
        record = {"url": here.as_uri(), "dir_info": {"editable": True}}
        (site / "toolbox-1.0.dist-info/direct_url.json").write_text(json.dumps(record))
        (site / "toolbox-1.0.dist-info/METADATA").write_text("Name: toolbox\nVersion: 1.0\n")
        assert import_installed("toolbox", here / "model").__file__ == str(here / "toolbox/__init__.py")

    def test_a_package_that_fails_is_named(self, here: Path, site: Path) -> None:
        (site / "toolbox/__init__.py").write_text("1 / 0")
        with pytest.raises(FolderError, match="ZeroDivisionError"):
            load(describe(here, "toolbox:Net", {}))

    @pytest.mark.parametrize(
        "content", ["[trust", "[trust]\npackages = 3", "[trust]\npackage = []", "a = " + "[" * 9999]
    )
    def test_settings_that_are_none_are_named(self, here: Path, site: Path, content: str) -> None:
        (here.parent / "config/xai/settings.toml").write_text(content)
        with pytest.raises(FolderError, match=r"settings: .*settings\.toml"):
            load(describe(here, "toolbox:Net", {}))

    def test_settings_inside_the_model_folder_do_not_count(
        self, here: Path, site: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (here.parent / "config").rename(here / "model/config")
        for place in (str(here / "model/config"), "model/config"):
            monkeypatch.setenv("XDG_CONFIG_HOME", place)
            monkeypatch.setenv("HOME", str(here.parent))
            with pytest.raises(FolderError, match="--trust-code"):
                load(describe(here, "toolbox:Net", {}))


def test_building_leaves_the_random_state_and_the_default_device() -> None:
    before = torch.get_rng_state()
    build_network(None, "torch.nn:Linear", {"in_features": 2, "out_features": 2}, False)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.zeros(1).device.type == "cpu"
