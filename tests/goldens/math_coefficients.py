"""Finds the polynomial coefficients of include/hone/core/math.hpp and prints them.

Each polynomial is a least-squares fit over Chebyshev points with 60 digits, weighted so that the
relative error of the whole function counts; coefficients are rounded one after the other, lowest
first, and the rest is fitted again, so that the next ones make the rounding good. Needs mpmath.
"""

import struct

from mpmath import cos, erf, erfc, exp, expm1, fabs, log, log1p, lu_solve, matrix, mp, mpf, pi, sin, sqrt, tanh

mp.dps = 60


def rounded(x, double):
    kind = "d" if double else "f"
    return mpf(struct.unpack(kind, struct.pack(kind, float(x)))[0]) if not double else mpf(float(x))


def horner(c, x):
    y = mpf(0)
    for k in reversed(c):
        y = y * x + k
    return y


def fit(f, low, high, degree, weight=lambda x: mpf(1), double=False):
    low, high = mpf(low), mpf(high)
    n = 6 * (degree + 1)
    points = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    fixed = []
    for left in range(degree, -1, -1):
        rows = [[weight(x) * x ** (len(fixed) + j) for j in range(left + 1)] for x in points]
        rest = [weight(x) * (f(x) - horner(fixed, x)) for x in points]
        normal = matrix(left + 1, left + 1)
        right = matrix(left + 1, 1)
        for i in range(left + 1):
            right[i] = sum(row[i] * r for row, r in zip(rows, rest))
            for j in range(left + 1):
                normal[i, j] = sum(row[i] * row[j] for row in rows)
        fixed.append(rounded(lu_solve(normal, right)[0], double))
    return fixed


def show(name, coefficients, double=False):
    print(name + ", lowest first:")
    for c in coefficients:
        print("  " + (repr(float(c)) if double else "%.9gf" % float(c)), "=", float(c).hex())


def report(name, f, p, low, high):
    worst = 0
    for k in range(2001):
        x = mpf(low) + (mpf(high) - mpf(low)) * (k + mpf(1) / 3) / 2001
        worst = max(worst, fabs(p(x) / f(x) - 1))
    print("  largest relative error of %s: %.3g" % (name, worst))


half_ln2 = log(mpf(2)) / 2 * mpf("1.0001")

c = fit(lambda r: (exp(r) - 1 - r) / r**2, -half_ln2, half_ln2, 4, lambda r: r**2)
show("exp: (exp(r) - 1 - r) / r^2", c)
report("exp", exp, lambda r: 1 + r + r * r * horner(c, r), -half_ln2, half_ln2)

c1 = fit(lambda r: (expm1(r) - r - r * r / 2) / r**3, -half_ln2, half_ln2, 4, lambda r: r**2)
show("expm1: (expm1(r) - r - r^2/2) / r^3", c1)
report("expm1", expm1, lambda r: r + r * r * (mpf(0.5) + r * horner(c1, r)), -half_ln2, half_ln2)

low, high = sqrt(mpf(0.5)) - 1, sqrt(mpf(2)) - 1
c2 = fit(lambda f: (log1p(f) - f + f * f / 2) / f**3, low, high, 8, lambda f: f**2)
show("log: (log1p(f) - f + f^2/2) / f^3", c2)
report("log1p", log1p, lambda f: f - f * f / 2 + f**3 * horner(c2, f), low, high)

c3 = fit(lambda z: erf(sqrt(z)) / sqrt(z) - 1, mpf("1e-30"), mpf(1), 6)
show("erf below 1: erf(x) / x - 1 in z = x^2", c3)
report("erf", erf, lambda x: x * (1 + horner(c3, x * x)), mpf("1e-3"), 1)

c4 = fit(lambda u: log(erfc(u + mpf(2.5))), -1.5, mpf("1.5"), 7, lambda u: erfc(u + mpf(2.5)))
show("erf from 1 to 4: log(erfc(a)) in a - 2.5", c4)
report("erf", erf, lambda a: 1 - exp(horner(c4, a - mpf(2.5))), 1, 4)

ct = fit(lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z, mpf("1e-20"), mpf("0.625") ** 2, 4)
show("tanh below 0.625: (tanh(x)/x - 1) / x^2 in z = x^2", ct)
report("tanh", tanh, lambda x: x + x**3 * horner(ct, x * x), mpf("1e-3"), mpf("0.625"))

quarter = pi / 4 * mpf("1.0001")
c5 = fit(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, mpf("1e-20"), quarter**2, 5, lambda z: z, double=True)
show("sin: (sin(r)/r - 1) / r^2 in z = r^2", c5, double=True)
report("sin", sin, lambda r: r + r**3 * horner(c5, r * r), mpf("1e-3"), quarter)
c6 = fit(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf("1e-20"), quarter**2, 5, lambda z: z**2, double=True)
show("cos: (cos(r) - 1 + r^2/2) / r^4 in z = r^2", c6, double=True)
report("cos", cos, lambda r: 1 - r * r / 2 + r**4 * horner(c6, r * r), mpf("1e-3"), quarter)
p1 = rounded(pi / 2, True)
p2 = rounded(pi / 2 - p1, True)
show("pi/2 in two parts", [p1, p2], double=True)
show("ln 2 in two parts", [rounded(log(mpf(2)), False), rounded(log(mpf(2)) - rounded(log(mpf(2)), False), False)])
