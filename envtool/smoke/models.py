"""The small models that the checks train: autoencoders, variational autoencoders, GANs, and their training steps."""

from __future__ import annotations

import math
from typing import Any, Callable, List, Sequence, Tuple

import torch
from torch import nn


def set_cosine_rate(optimizer: Any, rate: float, step: int, steps: int) -> None:
    """Set the learning rate of a step of a cosine schedule from ``rate`` down to 0."""
    for group in optimizer.param_groups:
        group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))


def mlp(*widths: int, act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return fully connected layers with an activation between them."""
    layers: List[nn.Module] = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), act()]
    return nn.Sequential(*layers[:-1])


# -- autoencoder ------------------------------------------------------------------------------------------------------
class ConvolutionalAutoencoder(nn.Module):
    """Convolution and pooling to ``codes`` latent dimensions, transposed convolution back: (N, 1, 16, 16) images."""

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 4 * 4, codes),
        )
        self.decoder = nn.Sequential(
            nn.Linear(codes, 16 * 4 * 4),
            nn.ReLU(),
            nn.Unflatten(1, (16, 4, 4)),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1),
        )

    def forward(self, x: Any) -> Any:
        """Return the reconstruction."""
        return self.decoder(self.encoder(x))


def reconstruction_error(model: nn.Module, x: Any) -> Any:
    """Return the mean squared error of the reconstruction."""
    return ((model(x) - x) ** 2).mean()


def blobs(rand: Callable[..., Any], count: int, size: int = 16) -> Any:
    """Return images (count, 1, size, size) of one Gaussian blob each: a nonlinear function of two coordinates."""
    centre = rand(count, 2, low=3.5, high=size - 4.5)
    axis = torch.arange(size, dtype=torch.float64)
    across = (axis - centre[:, :1]) ** 2
    down = (axis - centre[:, 1:]) ** 2
    return (-(down[:, :, None] + across[:, None, :]) / (2 * 2.0**2)).exp()[:, None]


# -- variational autoencoder ------------------------------------------------------------------------------------------
def gaussian_kl(mean: Any, log_variance: Any) -> Any:
    """Return KL(N(mean, variance) || N(0, 1)) summed over the last dimension (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)


def reparametrized(mean: Any, log_variance: Any, noise: Any) -> Any:
    """Return a sample of N(mean, variance) through which gradients flow (Kingma & Welling 2014, 2.4)."""
    return mean + (0.5 * log_variance).exp() * noise


def bernoulli_log_likelihood(logits: Any, x: Any) -> Any:
    """Return log p(x) of binary images, summed over pixels."""
    return -nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


class VariationalAutoencoder(nn.Module):
    """An encoder to mean and log-variance of ``codes`` latent dimensions, and a decoder."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, codes: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.codes = encoder, decoder, codes

    def posterior(self, x: Any) -> Tuple[Any, Any]:
        """Return mean and log-variance of the approximate posterior of the codes of x."""
        mean, log_variance = self.encoder(x).chunk(2, -1)
        return mean, log_variance

    def elbo(self, x: Any, log_likelihood: Callable[[Any, Any], Any]) -> Any:
        """Return a one-sample estimate of the evidence lower bound of each x, in nats."""
        mean, log_variance = self.posterior(x)
        codes = reparametrized(mean, log_variance, torch.randn_like(mean))
        return log_likelihood(self.decoder(codes), x) - gaussian_kl(mean, log_variance)

    def sample(self, count: int) -> Any:
        """Return the decoder's output for ``count`` codes drawn from the prior N(0, 1)."""
        device = next(self.parameters()).device
        return self.decoder(torch.randn(count, self.codes, device=device))


def bars(size: int = 8) -> Any:
    """Return the 2 ``size`` binary images with one horizontal or vertical bar: their entropy is log(2 size) nats."""
    images = torch.zeros(2 * size, size, size)
    for i in range(size):
        images[i, i, :] = 1
        images[size + i, :, i] = 1
    return images


# -- generative adversarial network -----------------------------------------------------------------------------------
def discriminator_loss(discriminator: Any, real: Any, fake: Any) -> Any:
    """Return -log D(real) - log(1 - D(fake)), means over the batch (Goodfellow et al. 2014); D returns logits."""
    softplus = nn.functional.softplus
    return softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()


def generator_loss(discriminator: Any, fake: Any) -> Any:
    """Return -log D(fake), the non-saturating generator loss (Goodfellow et al. 2014), the mean over the batch."""
    return nn.functional.softplus(-discriminator(fake)).mean()


def discriminator_step(generator: Any, discriminator: Any, optimizer: Any, real: Any, noise: Any) -> Any:
    """Take one discriminator step, without gradients for the generator. Return the loss before the step."""
    optimizer.zero_grad()
    loss = discriminator_loss(discriminator, real, generator(noise).detach())
    loss.backward()
    optimizer.step()
    return loss.detach()


def generator_step(generator: Any, discriminator: Any, optimizer: Any, noise: Any) -> Any:
    """Take one generator step against the fixed discriminator. Return the loss before the step."""
    optimizer.zero_grad()
    loss = generator_loss(discriminator, generator(noise))
    loss.backward()
    optimizer.step()
    return loss.detach()


def dead_parameters(module: nn.Module) -> List[str]:
    """Return the names of parameters whose gradient is missing, entirely zero, or not finite."""
    return [
        name
        for name, p in module.named_parameters()
        if p.grad is None or not bool(p.grad.abs().sum() > 0) or not bool(torch.isfinite(p.grad).all())
    ]


def as_lists(tensor: Any) -> Any:
    """Return a tensor (N, ...) as N lists of numbers rounded to 4 digits, for the report."""
    return [[round(v, 4) for v in row] for row in tensor.detach().double().cpu().flatten(1).tolist()]


def downsampled(curve: Sequence[float], points: int = 150) -> List[float]:
    """Return every k-th point of a curve, and its last one: about ``points`` in all."""
    stride = max(1, len(curve) // points)
    return [float(v) for v in curve[::stride]] + [float(curve[-1])]
