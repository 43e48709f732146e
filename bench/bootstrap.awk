# SPDX-License-Identifier: Apache-2.0
# The mean of some services' shares, with its 95 % interval by a bootstrap: groups of attacks are drawn anew within
# each service. Read before a program, which fills n_groups[SERVICE], group[SERVICE, 0 to n - 1], size[GROUP] and
# sums[GROUP]. The share of a service is the sum of its sums, divided by that of its sizes.

function draw(n) { # 0 to n - 1, the same on every host
	seed = (seed * 16807) % 2147483647
	return int(seed / 2147483647 * n)
}

function sort(v, n,    i, m, x) { # v[0] to v[n - 1]
	for (i = 1; i < n; i++) {
		x = v[i]
		for (m = i; m > 0 && v[m - 1] > x; m--) v[m] = v[m - 1]
		v[m] = x
	}
}

function mean_of(resample,    s, k, g, all, sum, total, services) { # in %
	total = services = 0
	for (s in n_groups) {
		all = sum = 0
		for (k = 0; k < n_groups[s]; k++) {
			g = group[s, resample ? draw(n_groups[s]) : k]
			all += size[g]
			sum += sums[g]
		}
		total += sum / all
		services++
	}
	return 100 * total / services
}

function interval(    k, drawn) { # "[LOW, HIGH]", of 1000 draws
	seed = 1
	for (k = 0; k < 1000; k++) drawn[k] = mean_of(1)
	sort(drawn, 1000)
	return sprintf("[%.0f, %.0f]", drawn[25], drawn[974])
}
