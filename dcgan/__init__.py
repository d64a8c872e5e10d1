"""Train a DCGAN on small images and explore its latent space.

The package is flat and its imports point one way (see ARCHITECTURE.md); nothing here imports Streamlit.
Import the module you need: `dcgan.config`, `dcgan.data`, `dcgan.models`, `dcgan.training`, `dcgan.runs`,
`dcgan.sampling`, `dcgan.latent`.
This file imports nothing, so that listing runs never pays for loading torch.
"""

__version__ = "0.1.0"
