"""JAX: lax.scan over a user's cell, compiled. The product of the input is in the loop, or (--hoist) before it."""

import argparse
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.nn import sigmoid

from cells import Arrays, weight_names
from sides import Case
from worker import serve

Weights = dict[str, jax.Array]


def next_states(cell: str, weights: Weights, x: jax.Array, states: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
    """One step; x is the product of the input and the kernel, plus the bias."""
    h = states[0]
    recurrent = weights["recurrent"]
    if cell == "simple_rnn":
        return (jnp.tanh(x + h @ recurrent),)
    if cell == "lstm":
        i, f, g, o = jnp.split(x + h @ recurrent, 4, axis=1)
        c = sigmoid(f) * states[1] + sigmoid(i) * jnp.tanh(g)
        return sigmoid(o) * jnp.tanh(c), c
    if cell == "gru":
        xr, xz, xn = jnp.split(x, 3, axis=1)
        hr, hz, hn = jnp.split(h @ recurrent + weights["recurrent_bias"], 3, axis=1)
        z = sigmoid(xz + hz)
        return ((1 - z) * jnp.tanh(xn + sigmoid(xr + hr) * hn) + z * h,)
    xf, xc = jnp.split(x, 2, axis=1)
    uf, uc = jnp.split(recurrent, 2, axis=1)
    f = sigmoid(xf + h @ uf)
    return ((1 - f) * h + f * jnp.tanh(xc + (f * h) @ uc),)


def last_output(cell: str, hoist: bool, weights: Weights, x: jax.Array) -> jax.Array:
    def product(rows: jax.Array) -> jax.Array:
        return rows @ weights["kernel"] + weights["bias"]

    def step(states: tuple[jax.Array, ...], xt: jax.Array) -> tuple[tuple[jax.Array, ...], None]:
        return next_states(cell, weights, xt if hoist else product(xt), states), None

    zeros = jnp.zeros((x.shape[0], weights["recurrent"].shape[0]))
    times = jnp.swapaxes(x, 0, 1)
    states = (zeros, zeros) if cell == "lstm" else (zeros,)
    return lax.scan(step, states, product(times) if hoist else times)[0][0]


class JaxStep:
    def __init__(self, hoist: bool, case: Case, arrays: Arrays) -> None:
        self.x = jnp.asarray(arrays["x"])
        self.constant = jnp.asarray(arrays["constant"])
        self.weights = {name: jnp.asarray(arrays[name]) for name in weight_names(case.cell)}
        self.train = case.mode == "train"
        forward = functools.partial(last_output, case.cell, hoist)

        def loss(weights: Weights, x: jax.Array, constant: jax.Array) -> tuple[jax.Array, jax.Array]:
            output = forward(weights, x)
            return jnp.sum(output * constant), output

        self.gradient = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))
        self.forward = jax.jit(forward)

    def run(self) -> None:
        if self.train:
            self.found = jax.block_until_ready(self.gradient(self.weights, self.x, self.constant))
        else:
            self.found = jax.block_until_ready(self.forward(self.weights, self.x))

    def results(self) -> Arrays:
        if not self.train:
            return {"output": np.asarray(self.found)}
        (weights, x), output = self.found
        return {name: np.asarray(value) for name, value in {"output": output, "x": x, **weights}.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hoist", action="store_true")
    args = parser.parse_args()
    serve(functools.partial(JaxStep, args.hoist))


if __name__ == "__main__":
    main()
