"""Figures of the reports, each as JSON that Plotly draws."""
