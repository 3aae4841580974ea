"""The checks, one file per family. They run in this order: what everything else stands on comes first."""

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
