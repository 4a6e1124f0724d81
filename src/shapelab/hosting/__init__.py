"""What the dashboard needs of Voila: this interpreter's kernels, plotly.js once and cached, sentences for troubles."""
