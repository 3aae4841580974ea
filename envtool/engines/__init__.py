"""How a half is changed: one Engine protocol and its implementations, and the installers of the pip half."""
