"""Variational autoencoders: their terms against closed forms, a linear VAE against probabilistic PCA, and images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import F64, Tolerance

if TYPE_CHECKING:
    from ..context import CheckContext

FAMILY = "VAE"


@check("vae.kl", family=FAMILY, suite="quick")
def kl(context: CheckContext, torch: Any) -> None:
    """KL(N(m, s^2) || N(0, 1)) matches its integral, torch.distributions and a Monte Carlo estimate."""
    from ..models import gaussian_kl

    mean, log_variance = context.rand(6, 3, low=-2, high=2), context.rand(6, 3, low=-1.5, high=1.5)
    grid = torch.linspace(-30, 30, 4001, dtype=torch.float64)

    def integral(mean: Any, log_variance: Any) -> Any:
        q = -0.5 * ((grid - mean[..., None]) ** 2 / log_variance[..., None].exp() + log_variance[..., None])
        density = q.exp() / math.sqrt(2 * math.pi)
        return (density * (q + 0.5 * grid**2)).sum(-1).sum(-1) * float(grid[1] - grid[0])

    trapezoid = Tolerance(1e-9, "trapezoidal rule for a smooth function")
    context.agree("integral", gaussian_kl, integral, mean, log_variance, tolerance64=trapezoid)
    normal = torch.distributions.Normal
    m, v = context.to_device(mean, log_variance, dtype=torch.float64)
    library = torch.distributions.kl_divergence(
        normal(m, (0.5 * v).exp()), normal(torch.zeros_like(m), torch.ones_like(m))
    )
    context.near("torch.distributions", library.sum(-1), gaussian_kl(m, v), F64)
    q = normal(m[0, 0], (0.5 * v[0, 0]).exp())
    z = q.sample((200_000,))
    ratio = q.log_prob(z) + 0.5 * z**2 + 0.5 * math.log(2 * math.pi)
    context.sigmas(
        "Monte Carlo", ratio.mean(), float(gaussian_kl(m[:1, :1], v[:1, :1])), float(ratio.std()) / math.sqrt(len(z))
    )
    zero = torch.zeros(1, 1, device=context.device)
    context.exact("KL(N(0, 1) || N(0, 1))", gaussian_kl(zero, zero), torch.zeros(1))


@check("vae.likelihood", family=FAMILY, suite="quick")
def likelihood(context: CheckContext, torch: Any) -> None:
    """log p(x) of binary images is x log p + (1 - x) log(1 - p), summed over pixels; the bar images are distinct."""
    from ..models import bars, bernoulli_log_likelihood

    x = (context.rand(5, 2, 3) < 0.4).double()

    def by_hand(logits: Any, x: Any) -> Any:
        p = 1 / (1 + (-logits).exp())
        return (x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2))

    context.agree("bernoulli", bernoulli_log_likelihood, by_hand, context.randn(5, 2, 3) * 2, x)
    images = bars()
    context.exact("distinct bar images", images.flatten(1).unique(dim=0).shape[0], 16)
    context.exact("pixels of each bar", images.sum((1, 2)), torch.full((16,), 8.0))


@check("vae.reparametrization", family=FAMILY, suite="quick")
def reparametrization(context: CheckContext, torch: Any) -> None:
    """z = m + s e has mean m and deviation s; the gradient of E z^2 is (2 m, s^2), as the score function estimates."""
    from ..models import reparametrized

    n, m, v = 200_000, 0.7, -0.6
    mean = torch.full((n,), m, dtype=torch.float64, device=context.device, requires_grad=True)
    log_variance = torch.full((n,), v, dtype=torch.float64, device=context.device, requires_grad=True)
    noise = torch.randn(n, dtype=torch.float64, device=context.device)
    z = reparametrized(mean, log_variance, noise)
    s2 = math.exp(v)
    context.near("z = m + s e", z, m + math.sqrt(s2) * noise, F64)
    context.sigmas("mean", z.detach().mean(), m, math.sqrt(s2 / n))
    context.sigmas("variance", z.detach().var(), s2, s2 * math.sqrt(2 / n))
    found = torch.autograd.grad((z**2).sum(), (mean, log_variance), allow_unused=True)
    by_mean, by_variance = (torch.zeros_like(z) if g is None else g for g in found)
    root = math.sqrt(n)
    context.sigmas("gradient with respect to m is 2 m", by_mean.mean(), 2 * m, float(by_mean.std()) / root)
    context.sigmas("gradient with respect to log s^2 is s^2", by_variance.mean(), s2, float(by_variance.std()) / root)
    score = (z.detach() ** 2) * (z.detach() - m) / s2
    error = math.hypot(float(score.std()), float(by_mean.std())) / root
    context.sigmas("score function estimate", by_mean.mean(), float(score.mean()), error)


@check("vae.prior", family=FAMILY, suite="quick")
def prior(context: CheckContext, torch: Any) -> None:
    """Codes of samples and of the ELBO at a standard normal posterior are N(0, 1): moments and independence."""
    from ..models import VariationalAutoencoder

    n, codes = 50_000, 2

    class IdentityDecoder(torch.nn.Linear):  # a decoder that returns its codes
        def forward(self, z: Any) -> Any:
            return z

    encoder = torch.nn.Linear(codes, 2 * codes)
    torch.nn.init.zeros_(encoder.weight)
    torch.nn.init.zeros_(encoder.bias)  # mean 0 and variance 1 for every input
    model = VariationalAutoencoder(encoder, IdentityDecoder(codes, codes), codes).to(context.device)
    zeros = torch.zeros(n, codes, device=context.device)
    decoded = []

    def record(z: Any, x: Any) -> Any:
        decoded.append(z.detach())
        return x[:, 0]

    model.elbo(zeros, record)
    for name, sample in (("ELBO", decoded[0]), ("sample", model.sample(n))):
        z = sample.double()
        for code in range(codes):
            what = "of code %d, %s" % (code, name)
            context.sigmas("mean " + what, z[:, code].mean(), 0.0, 1 / math.sqrt(n))
            context.sigmas("variance " + what, z[:, code].var(), 1.0, math.sqrt(2 / n))
            context.sigmas("fourth moment " + what, (z[:, code] ** 4).mean(), 3.0, math.sqrt(96 / n))
        context.sigmas("product of two codes, " + name, (z[:, 0] * z[:, 1]).mean(), 0.0, 1 / math.sqrt(n))
        distinct = z.unique(dim=0).shape[0] / n
        context.measure(
            "share of distinct codes, " + name, distinct, Tolerance(0.99, "random pairs rarely coincide", floor=True)
        )
    context.holds("consecutive samples differ", not torch.equal(sample, model.sample(n)))


def _ppca(torch: Any, x: Any, codes: int) -> Any:
    """Return the maximum log-likelihood per sample, the noise variance and the subspace (Tipping & Bishop 1999)."""
    n, d = x.shape
    values, vectors = torch.linalg.eigh(x.T @ x / n)
    kept, noise = values[-codes:], float(values[:-codes].mean())
    log_likelihood = -0.5 * (d * math.log(2 * math.pi) + float(kept.log().sum()) + (d - codes) * math.log(noise) + d)
    return log_likelihood, noise, vectors[:, -codes:]


@check("vae.ppca", family=FAMILY, suite="quick")
def against_ppca(context: CheckContext, torch: Any) -> None:
    """A linear VAE, trained on samples, reaches the log-likelihood of PPCA, which its ELBO cannot exceed."""
    from ..models import VariationalAutoencoder, downsampled, set_cosine_rate

    n, d, q, steps = 500, 16, 3, 1500
    spread = torch.tensor([2.5, 2.0, 1.5] + [0.5] * (d - q), dtype=torch.float64)
    x = (context.randn(n, d) * spread) @ torch.linalg.qr(context.randn(d, d))[0]
    x = x - x.mean(0)
    best, noise, subspace = _ppca(torch, x, q)
    nn, on_device = torch.nn, context.to_device(x)
    model = VariationalAutoencoder(nn.Linear(d, 2 * q), nn.Linear(q, d), q).to(context.device)
    log_noise = nn.Parameter(torch.zeros((), device=context.device))  # the logarithm of the noise variance

    def gauss(mean: Any, x: Any) -> Any:
        return -0.5 * (((x - mean) ** 2) / log_noise.exp() + log_noise + math.log(2 * math.pi)).sum(1)

    optimizer, curve = torch.optim.Adam([*model.parameters(), log_noise]), []
    for step in range(steps):
        set_cosine_rate(optimizer, 0.02, step, steps)
        optimizer.zero_grad()
        loss = -model.elbo(on_device, gauss).mean()
        loss.backward()
        optimizer.step()
        curve.append(float(loss.detach()))
    exact = _exact_elbo(torch, model, log_noise, x)
    with torch.no_grad():
        draws = torch.stack([model.elbo(on_device, gauss).double().mean() for _ in range(200)])
    context.sigmas(
        "mean of 200 sampled ELBOs", draws.mean(), exact, float(draws.std()) / math.sqrt(len(draws)) + 1e-6 * d
    )
    gap = best - exact
    context.measure("log-likelihood of PPCA - ELBO, nats", gap, Tolerance(0.1, "30 seeds stay below 0.02"))
    context.measure(
        "ELBO above the log-likelihood of PPCA, which is impossible",
        -gap,
        Tolerance(1e-4 * d, "the ELBO is a lower bound"),
    )
    found = float(log_noise.detach().exp())
    context.measure(
        "noise variance, relative error", abs(found / noise - 1), Tolerance(0.01, "30 seeds stay below 0.0013")
    )
    basis = torch.linalg.qr(model.decoder.weight.detach().cpu().double())[0]
    cosines = torch.linalg.svdvals(basis.T @ subspace)
    context.measure("1 - smallest principal cosine", 1 - cosines.min(), Tolerance(1e-3, "30 seeds stay below 3e-6"))
    series = {"- ELBO": downsampled(curve), "- log-likelihood of PPCA": [-best, -best]}
    context.figure("curves", "Linear VAE: nats per sample", series=series)


def _exact_elbo(torch: Any, model: Any, log_noise: Any, x: Any) -> float:
    """Return the ELBO of a linear VAE with the exact expectation, in float64 on the CPU, independently of the model."""
    parameters = {k: v.detach().cpu().double() for k, v in model.state_dict().items()}
    weight, bias = parameters["decoder.weight"], parameters["decoder.bias"]
    code = x @ parameters["encoder.weight"].T + parameters["encoder.bias"]
    mean, log_variance = code.chunk(2, -1)
    noise, d = float(log_noise.detach().double().exp()), x.shape[1]
    squared_error = ((x - mean @ weight.T - bias) ** 2).sum(1) + (log_variance.exp() * (weight**2).sum(0)).sum(1)
    likelihood = -0.5 * (squared_error / noise + d * math.log(2 * math.pi * noise))
    return float((likelihood - 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)).mean())


@check("vae.images", family=FAMILY)
def images(context: CheckContext, torch: Any) -> None:
    """A VAE of 16 bar images: its ELBO comes close to -log 16 without exceeding it, and its samples are such bars."""
    from ..models import (
        VariationalAutoencoder,
        as_lists,
        bars,
        bernoulli_log_likelihood,
        dead_parameters,
        downsampled,
        mlp,
        set_cosine_rate,
    )

    codes, steps, images = 4, 1500, bars()
    on_device = images.flatten(1).to(context.device)
    model = VariationalAutoencoder(mlp(64, 64, 2 * codes), mlp(codes, 64, 64), codes).to(context.device)
    optimizer, curve, batch = torch.optim.Adam(model.parameters()), [], on_device.repeat(8, 1)
    for step in range(steps):
        set_cosine_rate(optimizer, 5e-3, step, steps)
        optimizer.zero_grad()
        loss = -model.elbo(batch, bernoulli_log_likelihood).mean()
        loss.backward()
        if step == 0:
            context.exact("parameters without a gradient", torch.tensor(len(dead_parameters(model))), torch.tensor(0))
        optimizer.step()
        curve.append(float(loss.detach()))
    with torch.no_grad():
        elbo = float(torch.stack([model.elbo(on_device, bernoulli_log_likelihood).mean() for _ in range(200)]).mean())
        drawn = (model.sample(2000) > 0).float()
        means = model.posterior(on_device)[0]
    context.measure("ELBO, nats", elbo, Tolerance(-5.5, "30 seeds: -5.1 to -4.9", floor=True))
    context.measure(
        "ELBO above -log 16, which is impossible",
        elbo + math.log(16),
        Tolerance(0.0, "-log 16 is the negative entropy of 16 equally likely images"),
    )
    exact = (drawn[:, None] == on_device[None]).all(2)
    context.measure(
        "share of prior samples that are bars",
        exact.any(1).float().mean(),
        Tolerance(0.3, "30 seeds: 0.39 to 0.49", floor=True),
    )
    context.measure("bars that are never generated", 16 - exact.any(0).sum(), Tolerance(0, "none in 30 of 30 seeds"))
    context.figure(
        "curves", "VAE of bar images: -ELBO, nats", series={"- ELBO": downsampled(curve), "log 16": [math.log(16)] * 2}
    )
    context.figure(
        "pictures",
        "Samples from the prior",
        size=8,
        pictures=as_lists(model.decoder(torch.randn(24, codes, device=context.device)).sigmoid()),
    )
    groups = {"horizontal bars": as_lists(means[::2, :2]), "vertical bars": as_lists(means[1::2, :2])}
    context.figure("points", "Posterior means of the 16 images (first two latent dimensions)", groups=groups)
