"""Makes packages/eval/fixtures/statistics.json with scipy and statsmodels.

Needs: pip install scipy statsmodels. Run from the repository's root:
  python tooling/parity/make_statistics_fixtures.py
"""

import json

import numpy as np
import scipy
import statsmodels
from scipy import special, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

random = np.random.default_rng(5)

wilson = []
for successes, total in [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (482, 500), (250, 500), (3, 7), (99999, 100000), (37, 257)]:
    for confidence in (0.9, 0.95, 0.99):
        low, high = proportion_confint(successes, total, alpha=1 - confidence, method="wilson")
        wilson.append([successes, total, confidence, float(low), float(high)])

pairs = []
for both, left, right, neither in [(10, 5, 1, 3), (0, 1, 0, 0), (400, 30, 12, 58), (3, 0, 9, 1), (100, 200, 150, 50), (0, 25, 6, 0), (1, 900, 700, 2), (5, 2, 1, 0)]:
    table = [[both, left], [right, neither]]
    exact = mcnemar(table, exact=True)
    chi = mcnemar(table, exact=False, correction=True)
    pairs.append([both, left, right, neither, float(exact.pvalue), float(chi.statistic), float(chi.pvalue)])

erfc = [[x, float(special.erfc(x))] for x in (-3, -0.5, 0, 0.1, 0.5, 1, 1.9, 2, 2.1, 3.5, 5, 8, 12, 20, 26)]
quantile = [[p, float(stats.norm.ppf(p))] for p in (1e-12, 1e-6, 0.001, 0.02425, 0.025, 0.1, 0.4, 0.5, 0.75, 0.975, 0.995, 0.999999)]

holm = []
for values in ([0.01, 0.04, 0.03, 0.005], [0.5], [0.02, 0.02, 0.02], [1.0, 0.9, 0.001, 0.2, 0.049]):
    holm.append([values, [float(v) for v in multipletests(values, method="holm")[1]]])

values = [round(float(v), 6) for v in random.normal(3, 2, 17)]
spread = {"values": values, "mean": float(np.mean(values)), "deviation": float(np.std(values, ddof=1)), "standardError": float(stats.sem(values))}
percentiles = [[share, float(np.percentile(values, share * 100))] for share in (0, 0.025, 0.31, 0.5, 0.975, 1)]

left = [round(float(v), 4) for v in random.gamma(2, 1, 80)]
right = [round(v + float(d), 4) for v, d in zip(left, random.normal(0.15, 0.6, 80))]
many = stats.bootstrap((np.array(left) - np.array(right),), np.mean, n_resamples=200_000, method="percentile", rng=np.random.default_rng(1))
paired = {"left": left, "right": right, "difference": float(np.mean(left) - np.mean(right)), "low": float(many.confidence_interval.low),
          "high": float(many.confidence_interval.high), "standardError": float(many.standard_error)}

with open("packages/eval/fixtures/statistics.json", "w") as file:
    json.dump({"versions": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__}, "wilson": wilson, "mcnemar": pairs, "erfc": erfc,
               "quantile": quantile, "holm": holm, "spread": spread, "percentiles": percentiles, "paired": paired}, file, separators=(",", ":"))
