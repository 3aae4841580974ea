"""Autoencoders: a linear one against principal components, a convolutional one against the best linear code."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "autoencoder"


@check("autoencoder.pca", family=FAMILY, suite="quick")
def against_pca(context: CheckContext, torch: Any) -> None:
    """A linear autoencoder reaches the error of PCA (Eckart & Young 1936) in the same subspace."""
    from ..models import downsampled, mlp, reconstruction_error, set_cosine_rate

    n, d, q, steps = 400, 12, 3, 600
    spread = torch.tensor([3.0, 2.5, 2.0] + [0.5] * (d - q), dtype=torch.float64)
    rotation = torch.linalg.qr(context.randn(d, d))[0]
    x = (context.randn(n, d) * spread) @ rotation.T
    x = x - x.mean(0)
    values, vectors = torch.linalg.eigh(x.T @ x / n)
    optimum, subspace = float(values[:-q].sum() / d), vectors[:, -q:]

    model = mlp(d, q, d, act=torch.nn.Identity).to(context.device)
    optimizer, on_device, curve, rates = torch.optim.Adam(model.parameters()), context.to_device(x), [], []
    for step in range(steps):
        set_cosine_rate(optimizer, 0.03, step, steps)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = reconstruction_error(model, on_device)
        loss.backward()
        optimizer.step()
        curve.append(float(loss.detach()))
    with torch.no_grad():
        reached = float(((model(on_device).cpu().double() - x) ** 2).mean())
        context.near(
            "training loss is the mean squared error", reconstruction_error(model, on_device), torch.tensor(reached)
        )
    context.near(
        "learning rate at the start, middle and end",
        torch.tensor(rates)[[0, steps // 2, -1]],
        torch.tensor([0.03, 0.015, 2.1e-7]),
    )
    context.measure(
        "error relative to the optimum - 1", reached / optimum - 1, Tolerance(1e-3, "30 seeds stay below 2e-6")
    )
    context.measure(
        "error below the optimum, which is impossible",
        1 - reached / optimum,
        Tolerance(1e-5, "Eckart-Young theorem and rounding"),
    )
    basis = torch.linalg.qr(model[-1].weight.detach().cpu().double())[0]
    cosines = torch.linalg.svdvals(basis.T @ subspace)
    angle = math.degrees(math.acos(min(1.0, float(cosines.min()))))
    context.measure("largest angle between the subspaces, degrees", angle, Tolerance(0.5, "30 seeds stay below 0.01"))
    series = {"autoencoder": downsampled(curve), "principal components": [optimum, optimum]}
    context.figure("curves", "Linear autoencoder: mean squared error", series=series, log=True)


@check("autoencoder.convolution", family=FAMILY)
def convolutional(context: CheckContext, torch: Any) -> None:
    """A convolutional autoencoder with 2 latent dimensions beats any linear code of 2 on unseen images."""
    from ..models import (
        ConvolutionalAutoencoder,
        as_lists,
        blobs,
        dead_parameters,
        downsampled,
        reconstruction_error,
        set_cosine_rate,
    )

    codes, steps = 2, 500
    train, test = blobs(context.rand, 512), blobs(context.rand, 256)
    model = ConvolutionalAutoencoder(codes).to(context.device)
    on_device, unseen = context.to_device(train, test)
    context.exact("shape of the codes", torch.tensor(model.encoder(unseen).shape), torch.tensor([256, codes]))
    context.exact("shape of the images", torch.tensor(model(unseen).shape), torch.tensor(test.shape))
    optimizer, curve = torch.optim.Adam(model.parameters()), []
    for step in range(steps):
        set_cosine_rate(optimizer, 5e-3, step, steps)
        batch = on_device[context.integers(len(on_device), 64).to(context.device)]
        optimizer.zero_grad()
        loss = reconstruction_error(model, batch)
        loss.backward()
        if step == 0:
            context.exact("parameters without a gradient", torch.tensor(len(dead_parameters(model))), torch.tensor(0))
        optimizer.step()
        curve.append(float(loss.detach()))
    with torch.no_grad():
        reconstructed = model(unseen)
        context.near("repeated forward pass", model(unseen), reconstructed)
        reached = float(((reconstructed.cpu().double() - test) ** 2).mean())
    flat = test.flatten(1) - test.flatten(1).mean(0)
    values = torch.linalg.eigvalsh(flat.T @ flat / len(flat))
    linear = float(values[:-codes].sum() / values.numel())
    context.measure(
        "error relative to 2 principal components", reached / linear, Tolerance(0.6, "30 seeds: 0.02 to 0.37")
    )
    context.figure(
        "curves", "Convolutional autoencoder: mean squared error", series={"training": downsampled(curve)}, log=True
    )
    context.figure("pictures", "Unseen images", size=16, pictures=as_lists(test[:12, 0].flatten(1)))
    context.figure(
        "pictures",
        "Their reconstructions from 2 latent dimensions",
        size=16,
        pictures=as_lists(reconstructed[:12, 0].flatten(1)),
    )
