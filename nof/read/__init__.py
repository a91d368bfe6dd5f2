"""Files in: what NHS England published as tidy frames, every problem listed, and what a release says otherwise."""

import pandas as pd

# Text is kept as Python's own strings and not in Arrow's buffers: rows of a publication are taken and compared a thousand
# times, a few hundred at a time, which takes a quarter less time so. It holds for every frame of the process.
pd.set_option("mode.string_storage", "python")
