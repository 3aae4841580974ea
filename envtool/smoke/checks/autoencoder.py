"""Autoencoders: a linear one against principal components, a convolutional one against what no linear one can do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "autoencoder"


@check("autoencoder.pca", family=FAMILY, suite="quick")
def against_pca(lab: Lab, torch: Any) -> None:
    """A linear autoencoder reaches the error of principal components (Eckart & Young 1936), in the same subspace."""
    from ..models import cosine, mlp, reconstruction_error, thinned

    n, d, q, steps = 400, 12, 3, 600
    spread = torch.tensor([3.0, 2.5, 2.0] + [0.5] * (d - q), dtype=torch.float64)
    turn = torch.linalg.qr(lab.randn(d, d))[0]
    x = (lab.randn(n, d) * spread) @ turn.T
    x = x - x.mean(0)
    values, vectors = torch.linalg.eigh(x.T @ x / n)
    optimum, subspace = float(values[:-q].sum() / d), vectors[:, -q:]

    model = mlp(d, q, d, act=torch.nn.Identity).to(lab.device)
    optimizer, here, curve, rates = torch.optim.Adam(model.parameters()), lab.here(x), [], []
    for step in range(steps):
        cosine(optimizer, 0.03, step, steps)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = reconstruction_error(model, here)
        loss.backward()
        optimizer.step()
        curve.append(float(loss.detach()))
    with torch.no_grad():
        reached = float(((model(here).cpu().double() - x) ** 2).mean())
        lab.near("error, as it was trained on", reconstruction_error(model, here), torch.tensor(reached))
    lab.near("rates: whole, half, none", torch.tensor(rates)[[0, steps // 2, -1]], torch.tensor([0.03, 0.015, 2.1e-7]))
    lab.measure("error above the optimum", reached / optimum - 1, Gate(1e-3, "30 seeds stay below 2e-6"))
    lab.measure("error below the optimum (impossible)", 1 - reached / optimum, Gate(1e-5, "Eckart-Young, and rounding"))
    basis = torch.linalg.qr(model[-1].weight.detach().cpu().double())[0]
    cosines = torch.linalg.svdvals(basis.T @ subspace)
    angle = math.degrees(math.acos(min(1.0, float(cosines.min()))))
    lab.measure("largest angle between the subspaces, degrees", angle, Gate(0.5, "30 seeds stay below 0.01"))
    series = {"autoencoder": thinned(curve), "principal components": [optimum, optimum]}
    lab.figure("curves", "Linear autoencoder: squared error", series=series, log=True)


@check("autoencoder.convolution", family=FAMILY)
def convolutional(lab: Lab, torch: Any) -> None:
    """Convolution and pooling down, transposed convolution up: on unseen images better than any linear code of 2."""
    from ..models import (
        ConvolutionalAutoencoder,
        as_lists,
        blobs,
        cosine,
        dead_parameters,
        reconstruction_error,
        thinned,
    )

    codes, steps = 2, 500
    train, test = blobs(lab.rand, 512), blobs(lab.rand, 256)
    model = ConvolutionalAutoencoder(codes).to(lab.device)
    here, unseen = lab.here(train, test)
    lab.exact("codes", torch.tensor(model.encoder(unseen).shape), torch.tensor([256, codes]))
    lab.exact("images", torch.tensor(model(unseen).shape), torch.tensor(test.shape))
    optimizer, curve = torch.optim.Adam(model.parameters()), []
    for step in range(steps):
        cosine(optimizer, 5e-3, step, steps)
        batch = here[lab.integers(len(here), 64).to(lab.device)]
        optimizer.zero_grad()
        loss = reconstruction_error(model, batch)
        loss.backward()
        if step == 0:
            lab.exact("parameters without a gradient", torch.tensor(len(dead_parameters(model))), torch.tensor(0))
        optimizer.step()
        curve.append(float(loss.detach()))
    with torch.no_grad():
        again = model(unseen)
        lab.near("the same images once more", model(unseen), again)
        reached = float(((again.cpu().double() - test) ** 2).mean())
    flat = test.flatten(1) - test.flatten(1).mean(0)
    values = torch.linalg.eigvalsh(flat.T @ flat / len(flat))
    linear = float(values[:-codes].sum() / values.numel())
    lab.measure("error / error of 2 principal components", reached / linear, Gate(0.6, "30 seeds: 0.02 to 0.37"))
    lab.figure("curves", "Convolutional autoencoder: squared error", series={"training": thinned(curve)}, log=True)
    lab.figure("pictures", "Unseen images", size=16, pictures=as_lists(test[:12, 0].flatten(1)))
    lab.figure("pictures", "Reconstructions from 2 numbers", size=16, pictures=as_lists(again[:12, 0].flatten(1)))
