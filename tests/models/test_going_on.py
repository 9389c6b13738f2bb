"""A training that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from models.optimizers import OPTIMIZERS
from models.training import Extras
from tests.models.small import network
from tests.models.test_training import Stopping, trained, weights
from xai.base.errors import FolderError, InputError

CHILD = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from models.training import Extras, train
from tests.models.small import blobs, network
def slow(tensor, generator):
    time.sleep(0.02)
    return tensor + 0.1 * torch.randn(tensor.shape, generator=generator)
train(network(), blobs(), epochs=60, batch_size=8, optimizer=sys.argv[2], learning_rate=0.01, schedule="one-cycle",
      extras=Extras(input_noise=slow), checkpoint=Path(sys.argv[1]))
"""


class TestGoingOn:
    @pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name != "gradient_descent"])
    def test_a_run_in_two_parts_is_the_run_in_one(self, optimizer: str, tmp_path: Path) -> None:
        settings = {"optimizer": optimizer, "learning_rate": 0.01, "schedule": "one-cycle", "epochs": 6}
        noise = {"input_noise": lambda x, generator: x + torch.randn(x.shape, generator=generator)}
        whole, curves = trained(**settings, extras=Extras(**noise))

        def interrupted(epoch: int, loss: float) -> bool:
            if epoch == 3:
                raise KeyboardInterrupt
            return False

        path = tmp_path / "checkpoint"
        with pytest.raises(KeyboardInterrupt):
            trained(**settings, extras=Extras(**noise, stopping=interrupted), checkpoint=path)
        resumed, again = trained(net=network(seed=9), **settings, extras=Extras(**noise), checkpoint=path)
        assert torch.equal(whole, resumed)
        assert curves == again

    def test_a_run_killed_with_signal_9_goes_on_to_the_same_weights(self, tmp_path: Path) -> None:
        path = tmp_path / "run" / "checkpoint"
        root = Path(__file__).parents[2]
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), "adam"], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
        )
        try:
            while not path.exists() and child.poll() is None:
                time.sleep(0.01)
            time.sleep(0.6)  # some epochs further, somewhere in the middle of one
        finally:
            child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL

        def noise(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            return tensor + 0.1 * torch.randn(tensor.shape, generator=generator)

        settings = {"epochs": 60, "batch_size": 8, "optimizer": "adam", "learning_rate": 0.01, "validation": 0.1}
        settings |= {"schedule": "one-cycle", "extras": Extras(input_noise=noise)}
        resumed, curves = trained(**settings, checkpoint=path)
        whole, uninterrupted = trained(**settings)
        assert torch.equal(resumed, whole)
        assert curves == uninterrupted

    def test_a_stopping_rule_remembers(self, tmp_path: Path) -> None:
        """Killed after the rule said stop: the run is over, and the best weights are those from before the break."""
        path = tmp_path / "checkpoint"
        results = []
        for _ in range(2):
            stopping, net = Stopping(at=2), network()
            stopping.network = net
            results.append(trained(net=net, epochs=10, extras=Extras(stopping=stopping), checkpoint=path))
            assert len(stopping.seen) == 3
        assert torch.equal(results[0][0], results[1][0])
        assert results[0][1] == results[1][1]

    @pytest.mark.parametrize("part", ["random.order", "random.global", "optimizer.0.momentum_buffer", "network."])
    def test_every_part_of_a_checkpoint_matters(self, part: str, tmp_path: Path) -> None:
        """A planted fault: with one part of the file changed, the resumed run ends elsewhere."""
        from safetensors import safe_open
        from safetensors.torch import save_file

        path = tmp_path / "checkpoint"
        whole, _ = trained(epochs=6)
        stop = Extras(stopping=lambda epoch, loss: epoch == 2)
        trained(epochs=6, extras=stop, checkpoint=path)
        with safe_open(str(path), "pt") as file:
            header, state = file.metadata(), load_file(path)
        assert torch.equal(trained(net=network(), epochs=6, checkpoint=path)[0], whole)
        changed = [name for name in state if name.startswith(part)]
        for name in changed:
            fresh = torch.Generator().manual_seed(99).get_state()
            state[name] = fresh if name.startswith("random") else state[name] + 0.5
        assert changed
        trained(epochs=6, extras=stop, checkpoint=tmp_path / "other")
        save_file(state, tmp_path / "other", metadata=header)
        assert not torch.equal(trained(epochs=6, checkpoint=tmp_path / "other")[0], whole)

    def test_other_settings_are_named(self, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint"
        trained(checkpoint=path)
        with pytest.raises(InputError, match=r"epochs = 4 as in .* delete that file .* got 5"):
            trained(checkpoint=path, epochs=5)
        with pytest.raises(FolderError, match="weights of this network"):
            trained(checkpoint=path, net=nn.Linear(2, 3))
        path.write_bytes(b"damaged")
        with pytest.raises(FolderError, match="a checkpoint of a training run"):
            trained(checkpoint=path)

    def test_no_pickle_in_a_checkpoint(self, tmp_path: Path) -> None:
        from safetensors import safe_open

        trained(checkpoint=tmp_path / "checkpoint")
        with safe_open(str(tmp_path / "checkpoint"), "pt") as file:
            header = json.loads(file.metadata()["training"])
        assert header["epoch"] == 4
        assert header["settings"]["learning_rate"] == 0.05

    def test_weights_of_every_epoch_can_be_kept(self, tmp_path: Path) -> None:
        after, _ = trained(keep=tmp_path)
        kept = sorted(tmp_path.iterdir())
        assert [path.name for path in kept] == [f"epoch-00{number}.safetensors" for number in range(1, 5)]
        net = network()
        net.load_state_dict(load_file(kept[-1]))
        assert torch.equal(weights(net), after)
        net.load_state_dict(load_file(kept[1]))
        assert torch.equal(weights(net), trained(epochs=2)[0])
