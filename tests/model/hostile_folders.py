"""Model folders that try to run code when they are loaded, by what they try."""

from __future__ import annotations

import json
from pathlib import Path

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
