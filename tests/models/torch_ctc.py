"""Writes tests/models/torch/ctc.safetensors: losses and gradients of PyTorch's ctc_loss for random cases.

python tests/models/torch_ctc.py, with the packages torch, numpy and safetensors.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

CASES = 50


def main() -> None:
    random = np.random.default_rng(1)
    tensors: dict[str, np.ndarray] = {}
    for case in range(CASES):
        batch, steps, classes, longest = (int(random.integers(low, high)) for low, high in ((1, 5), (1, 24), (2, 9), (0, 9)))
        logits = (3 * random.standard_normal((batch, steps, classes))).astype(np.float32)
        labels = random.integers(1, classes, (batch, longest))
        for row in labels[:, 1:].T if case % 2 else []:  # Repeats, which need a blank between them.
            keep = random.random(batch) < 0.5
            row[keep] = labels[keep, 0]
        label_lengths = random.integers(0, longest + 1, batch)
        logit_lengths = random.integers(1, steps + 1, batch)
        for i in range(batch):
            labels[i, label_lengths[i] :] = -1
        given = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        padded = torch.tensor(np.maximum(labels, 0))
        losses = torch.nn.functional.ctc_loss(
            given.log_softmax(-1).transpose(0, 1),
            padded,
            torch.tensor(logit_lengths),
            torch.tensor(label_lengths),
            blank=0,
            reduction="none",
        )
        # Of a sum of impossible labels PyTorch's gradient is NaN; ours is 0.
        possible = torch.isfinite(losses)
        losses[possible].sum().backward()
        gradient = given.grad.numpy().copy() if given.grad is not None else np.zeros_like(logits)
        gradient[~possible.numpy()] = 0
        tensors |= {
            f"{case}.logits": logits,
            f"{case}.labels": labels.astype(np.int32),
            f"{case}.label_lengths": label_lengths.astype(np.int32),
            f"{case}.logit_lengths": logit_lengths.astype(np.int32),
            f"{case}.losses": losses.detach().numpy().astype(np.float32),
            f"{case}.gradient": gradient.astype(np.float32),
        }
    folder = Path(__file__).parent / "torch"
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "ctc.safetensors", {"torch": torch.__version__})


if __name__ == "__main__":
    main()
