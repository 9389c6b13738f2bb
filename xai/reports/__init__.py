"""How results are shown: pictures, figures, notebook fragments, and the self-contained HTML report."""
