# %% [markdown]
# # Squared error
# Not handed in. Runs your code and draws `figures/descent.png`: the error along gradient descent.

# %%
import sys
from pathlib import Path

import matplotlib

if "ipykernel" not in sys.modules:
    matplotlib.use("Agg")  # figures go to files, also where there is no screen
import matplotlib.pyplot as plt
import numpy as np
from NAME import mean_squared_error, mean_squared_error_grad

# %%
y = np.array([3.0, -1.0, 2.0])
p, errors = np.zeros_like(y), []
for _ in range(30):
    errors.append(mean_squared_error(p, y))
    p = p - 0.2 * mean_squared_error_grad(p, y)

# %%
here = Path(__file__).parent if "__file__" in globals() else Path.cwd()  # a notebook has no __file__
figures = here / "figures"
figures.mkdir(exist_ok=True)
plt.semilogy(errors)
plt.xlabel("step")
plt.ylabel("mean squared error")
plt.savefig(figures / "descent.png")
print(f"{figures / 'descent.png'}: from {errors[0]:.3g} to {errors[-1]:.3g}")
