"""The checks, one file per family. ``FAMILIES`` is the order they run in: what others depend on comes first."""

FAMILIES = (
    "probes",
    "losses",
    "optimizers",
    "pooling",
    "unpooling",
    "normalization",
    "dropout",
    "layers",
    "autoencoder",
    "vae",
    "gan",
    "numpy_",
    "pandas_",
    "opencv",
    "matplotlib_",
    "mmdetection",
    "throughput",
    "distributed",
)
