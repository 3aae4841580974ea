"""Variational autoencoders: their terms against closed forms, and the linear one against PPCA, its exact answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..registry import check
from ..tolerances import F64, Gate

if TYPE_CHECKING:
    from ..context import Lab

FAMILY = "VAE"


@check("vae.kl", family=FAMILY, suite="quick")
def kl(lab: Lab, torch: Any) -> None:
    """KL(N(m, s^2) || N(0, 1)) against its integral, torch.distributions and a Monte-Carlo mean; never negative."""
    from ..models import gaussian_kl

    mean, log_variance = lab.rand(6, 3, low=-2, high=2), lab.rand(6, 3, low=-1.5, high=1.5)
    grid = torch.linspace(-30, 30, 4001, dtype=torch.float64)

    def integral(mean: Any, log_variance: Any) -> Any:
        q = -0.5 * ((grid - mean[..., None]) ** 2 / log_variance[..., None].exp() + log_variance[..., None])
        density = q.exp() / math.sqrt(2 * math.pi)
        return (density * (q + 0.5 * grid**2)).sum(-1).sum(-1) * float(grid[1] - grid[0])

    trapezoid = Gate(1e-9, "the trapezoid rule on a smooth function")
    lab.agree("integral", gaussian_kl, integral, mean, log_variance, gate64=trapezoid)
    normal = torch.distributions.Normal
    m, v = lab.here(mean, log_variance, dtype=torch.float64)
    library = torch.distributions.kl_divergence(
        normal(m, (0.5 * v).exp()), normal(torch.zeros_like(m), torch.ones_like(m))
    )
    lab.near("torch.distributions", library.sum(-1), gaussian_kl(m, v), F64)
    q = normal(m[0, 0], (0.5 * v[0, 0]).exp())
    z = q.sample((200_000,))
    ratio = q.log_prob(z) + 0.5 * z**2 + 0.5 * math.log(2 * math.pi)
    lab.sigmas(
        "Monte Carlo", ratio.mean(), float(gaussian_kl(m[:1, :1], v[:1, :1])), float(ratio.std()) / math.sqrt(len(z))
    )
    zero = torch.zeros(1, 1, device=lab.device)
    lab.exact("KL(N(0, 1) || N(0, 1))", gaussian_kl(zero, zero), torch.zeros(1))


@check("vae.likelihood", family=FAMILY, suite="quick")
def likelihood(lab: Lab, torch: Any) -> None:
    """log p(x) of binary pictures is x log p + (1 - x) log(1 - p), summed over pixels; the 16 bars are 16."""
    from ..models import bars, bernoulli_log_likelihood

    x = (lab.rand(5, 2, 3) < 0.4).double()

    def by_hand(logits: Any, x: Any) -> Any:
        p = 1 / (1 + (-logits).exp())
        return (x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2))

    lab.agree("bernoulli", bernoulli_log_likelihood, by_hand, lab.randn(5, 2, 3) * 2, x)
    pictures = bars()
    lab.exact("different bars", pictures.flatten(1).unique(dim=0).shape[0], 16)
    lab.exact("pixels of each", pictures.sum((1, 2)), torch.full((16,), 8.0))


@check("vae.reparametrization", family=FAMILY, suite="quick")
def reparametrization(lab: Lab, torch: Any) -> None:
    """z = m + s e has mean m, deviation s; the gradient of E z^2 through it is (2 m, s^2), as by the score function."""
    from ..models import reparametrized

    n, m, v = 200_000, 0.7, -0.6
    mean = torch.full((n,), m, dtype=torch.float64, device=lab.device, requires_grad=True)
    log_variance = torch.full((n,), v, dtype=torch.float64, device=lab.device, requires_grad=True)
    noise = torch.randn(n, dtype=torch.float64, device=lab.device)
    z = reparametrized(mean, log_variance, noise)
    s2 = math.exp(v)
    lab.near("z = m + s e", z, m + math.sqrt(s2) * noise, F64)
    lab.sigmas("mean", z.detach().mean(), m, math.sqrt(s2 / n))
    lab.sigmas("variance", z.detach().var(), s2, s2 * math.sqrt(2 / n))
    found = torch.autograd.grad((z**2).sum(), (mean, log_variance), allow_unused=True)
    by_mean, by_variance = (torch.zeros_like(z) if g is None else g for g in found)
    root = math.sqrt(n)
    lab.sigmas("gradient by m is 2 m", by_mean.mean(), 2 * m, float(by_mean.std()) / root)
    lab.sigmas("gradient by log s^2 is s^2", by_variance.mean(), s2, float(by_variance.std()) / root)
    score = (z.detach() ** 2) * (z.detach() - m) / s2
    error = math.hypot(float(score.std()), float(by_mean.std())) / root
    lab.sigmas("score function agrees", by_mean.mean(), float(score.mean()), error)


@check("vae.prior", family=FAMILY, suite="quick")
def prior(lab: Lab, torch: Any) -> None:
    """What is decoded comes from N(0, 1), for a sample as for an ELBO: moments, and no two codes go together."""
    from ..models import VariationalAutoencoder

    n, codes = 50_000, 2

    class Through(torch.nn.Linear):  # a decoder that returns its codes
        def forward(self, z: Any) -> Any:
            return z

    encoder = torch.nn.Linear(codes, 2 * codes)
    torch.nn.init.zeros_(encoder.weight)
    torch.nn.init.zeros_(encoder.bias)  # mean 0 and variance 1, whatever it is shown
    model = VariationalAutoencoder(encoder, Through(codes, codes), codes).to(lab.device)
    nothing = torch.zeros(n, codes, device=lab.device)
    decoded = []

    def remembered(z: Any, x: Any) -> Any:
        decoded.append(z.detach())
        return x[:, 0]

    model.elbo(nothing, remembered)
    for name, sample in (("ELBO", decoded[0]), ("sample", model.sample(n))):
        z = sample.double()
        for code in range(codes):
            what = "of code %d, %s" % (code, name)
            lab.sigmas("mean " + what, z[:, code].mean(), 0.0, 1 / math.sqrt(n))
            lab.sigmas("variance " + what, z[:, code].var(), 1.0, math.sqrt(2 / n))
            lab.sigmas("fourth moment " + what, (z[:, code] ** 4).mean(), 3.0, math.sqrt(96 / n))
        lab.sigmas("product of both, " + name, (z[:, 0] * z[:, 1]).mean(), 0.0, 1 / math.sqrt(n))
        different = z.unique(dim=0).shape[0] / n
        lab.measure("share of different ones, " + name, different, Gate(0.99, "pairs hardly ever meet", floor=True))
    lab.holds("another draw is another", not torch.equal(sample, model.sample(n)))


def _ppca(torch: Any, x: Any, codes: int) -> Any:
    """Return the maximum log-likelihood per sample, the noise variance and the subspace (Tipping & Bishop 1999)."""
    n, d = x.shape
    values, vectors = torch.linalg.eigh(x.T @ x / n)
    kept, noise = values[-codes:], float(values[:-codes].mean())
    log_likelihood = -0.5 * (d * math.log(2 * math.pi) + float(kept.log().sum()) + (d - codes) * math.log(noise) + d)
    return log_likelihood, noise, vectors[:, -codes:]


@check("vae.ppca", family=FAMILY, suite="quick")
def against_ppca(lab: Lab, torch: Any) -> None:
    """A linear VAE, trained from samples, reaches the log-likelihood of PPCA, which its ELBO can never exceed."""
    from ..models import VariationalAutoencoder, cosine, thinned

    n, d, q, steps = 500, 16, 3, 1500
    spread = torch.tensor([2.5, 2.0, 1.5] + [0.5] * (d - q), dtype=torch.float64)
    x = (lab.randn(n, d) * spread) @ torch.linalg.qr(lab.randn(d, d))[0]
    x = x - x.mean(0)
    best, noise, subspace = _ppca(torch, x, q)
    nn, here = torch.nn, lab.here(x)
    model = VariationalAutoencoder(nn.Linear(d, 2 * q), nn.Linear(q, d), q).to(lab.device)
    log_noise = nn.Parameter(torch.zeros((), device=lab.device))  # of the variance

    def gauss(mean: Any, x: Any) -> Any:
        return -0.5 * (((x - mean) ** 2) / log_noise.exp() + log_noise + math.log(2 * math.pi)).sum(1)

    optimizer, curve = torch.optim.Adam([*model.parameters(), log_noise]), []
    for step in range(steps):
        cosine(optimizer, 0.02, step, steps)
        optimizer.zero_grad()
        loss = -model.elbo(here, gauss).mean()
        loss.backward()
        optimizer.step()
        curve.append(float(loss.detach()))
    exact = _exact_elbo(torch, model, log_noise, x)
    with torch.no_grad():
        draws = torch.stack([model.elbo(here, gauss).double().mean() for _ in range(200)])
    lab.sigmas("mean of 200 sampled ELBOs", draws.mean(), exact, float(draws.std()) / math.sqrt(len(draws)) + 1e-6 * d)
    gap = best - exact
    lab.measure("log-likelihood of PPCA - ELBO, nats", gap, Gate(0.1, "30 seeds stay below 0.02"))
    lab.measure("ELBO - log-likelihood of PPCA (impossible)", -gap, Gate(1e-4 * d, "the ELBO is a lower bound"))
    found = float(log_noise.detach().exp())
    lab.measure("noise variance, relative", abs(found / noise - 1), Gate(0.01, "30 seeds stay below 0.0013"))
    basis = torch.linalg.qr(model.decoder.weight.detach().cpu().double())[0]
    cosines = torch.linalg.svdvals(basis.T @ subspace)
    lab.measure("1 - smallest principal cosine", 1 - cosines.min(), Gate(1e-3, "30 seeds stay below 3e-6"))
    series = {"- ELBO": thinned(curve), "- log-likelihood of PPCA": [-best, -best]}
    lab.figure("curves", "Linear VAE: nats per sample", series=series)


def _exact_elbo(torch: Any, model: Any, log_noise: Any, x: Any) -> float:
    """Return the ELBO of a linear VAE with the expectation taken exactly, in float64 on the CPU, written out afresh."""
    parameters = {k: v.detach().cpu().double() for k, v in model.state_dict().items()}
    weight, bias = parameters["decoder.weight"], parameters["decoder.bias"]
    code = x @ parameters["encoder.weight"].T + parameters["encoder.bias"]
    mean, log_variance = code.chunk(2, -1)
    noise, d = float(log_noise.detach().double().exp()), x.shape[1]
    squares = ((x - mean @ weight.T - bias) ** 2).sum(1) + (log_variance.exp() * (weight**2).sum(0)).sum(1)
    likelihood = -0.5 * (squares / noise + d * math.log(2 * math.pi * noise))
    return float((likelihood - 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)).mean())


@check("vae.images", family=FAMILY)
def images(lab: Lab, torch: Any) -> None:
    """A VAE of 16 pictures of bars: its ELBO comes near -log 16 and never above, samples of the prior are such bars."""
    from ..models import (
        VariationalAutoencoder,
        as_lists,
        bars,
        bernoulli_log_likelihood,
        cosine,
        dead_parameters,
        mlp,
        thinned,
    )

    codes, steps, pictures = 4, 1500, bars()
    here = pictures.flatten(1).to(lab.device)
    model = VariationalAutoencoder(mlp(64, 64, 2 * codes), mlp(codes, 64, 64), codes).to(lab.device)
    optimizer, curve, batch = torch.optim.Adam(model.parameters()), [], here.repeat(8, 1)
    for step in range(steps):
        cosine(optimizer, 5e-3, step, steps)
        optimizer.zero_grad()
        loss = -model.elbo(batch, bernoulli_log_likelihood).mean()
        loss.backward()
        if step == 0:
            lab.exact("parameters without a gradient", torch.tensor(len(dead_parameters(model))), torch.tensor(0))
        optimizer.step()
        curve.append(float(loss.detach()))
    with torch.no_grad():
        elbo = float(torch.stack([model.elbo(here, bernoulli_log_likelihood).mean() for _ in range(200)]).mean())
        drawn = (model.sample(2000) > 0).float()
        means = model.posterior(here)[0]
    lab.measure("ELBO, nats", elbo, Gate(-5.5, "30 seeds: -5.1 to -4.9", floor=True))
    lab.measure(
        "ELBO above -log 16 (impossible)",
        elbo + math.log(16),
        Gate(0.0, "- log 16 is minus the entropy of 16 equal pictures"),
    )
    exact = (drawn[:, None] == here[None]).all(2)
    lab.measure(
        "share of prior samples that are bars",
        exact.any(1).float().mean(),
        Gate(0.3, "30 seeds: 0.39 to 0.49", floor=True),
    )
    lab.measure("bars that are never drawn", 16 - exact.any(0).sum(), Gate(0, "none in 30 of 30 seeds"))
    lab.figure("curves", "VAE of bars: - ELBO, nats", series={"- ELBO": thinned(curve), "log 16": [math.log(16)] * 2})
    lab.figure(
        "pictures",
        "Samples of the prior",
        size=8,
        pictures=as_lists(model.decoder(torch.randn(24, codes, device=lab.device)).sigmoid()),
    )
    groups = {"horizontal bars": as_lists(means[::2, :2]), "vertical bars": as_lists(means[1::2, :2])}
    lab.figure("points", "Latent map: where the 16 pictures lie (first two codes)", groups=groups)
