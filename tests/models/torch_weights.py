"""Writes tests/models/torch/*.safetensors but for ctc: the state_dict() of modules of PyTorch, and what they compute.

python tests/models/torch_weights.py, with the packages torch, numpy and safetensors. The tensors "input", "output" and
"last" (the final hidden states) stand beside those of the module.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

BATCH, STEPS, FEATURES, UNITS = 3, 6, 5, 4


class Tagger(nn.Module):
    """Each layer that has a counterpart here."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, FEATURES)
        self.lstm = nn.LSTM(FEATURES, UNITS, num_layers=2, batch_first=True)
        self.norm = nn.LayerNorm(UNITS)
        self.batch_norm = nn.BatchNorm1d(UNITS)
        self.head = nn.Linear(UNITS, 3)

    def forward(self, tokens):
        sequence, _ = self.lstm(self.embedding(tokens))
        return self.head(self.batch_norm(self.norm(sequence).transpose(1, 2)).transpose(1, 2))


def randomize(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape) * 0.4)
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.5)
    return module.eval()


def save(name: str, module: nn.Module, inputs: torch.Tensor, outputs: dict[str, torch.Tensor]) -> None:
    folder = Path(__file__).parent / "torch"
    tensors = {"module." + key: value for key, value in module.state_dict().items()} | {"input": inputs} | outputs
    tensors = {key: value.detach().contiguous() for key, value in tensors.items()}
    save_file(tensors, folder / f"{name}.safetensors", {"torch": torch.__version__})


def main() -> None:
    torch.manual_seed(3)
    inputs = torch.randn(BATCH, STEPS, FEATURES)
    modules = {
        "rnn": nn.RNN(FEATURES, UNITS, num_layers=2, bidirectional=True, batch_first=True),
        "lstm": nn.LSTM(FEATURES, UNITS, num_layers=2, bidirectional=True, batch_first=True),
        "gru": nn.GRU(FEATURES, UNITS, num_layers=2, bidirectional=True, batch_first=True),
        "rnn_relu": nn.RNN(FEATURES, UNITS, num_layers=2, nonlinearity="relu", bias=False, batch_first=True),
    }
    for name, module in modules.items():
        output, last = randomize(module)(inputs)
        last = last[0] if isinstance(last, tuple) else last
        save(name, module, inputs, {"output": output, "last": last})
    tokens = torch.tensor(np.random.default_rng(3).integers(0, 7, (BATCH, STEPS)), dtype=torch.int32)
    tagger = randomize(Tagger())
    save("tagger", tagger, tokens, {"output": tagger(tokens)})


if __name__ == "__main__":
    main()
