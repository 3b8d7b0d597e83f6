package data_test

import (
	"bytes"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/data"
	"bakeoff/rollout/specfile"
)

// template reads one of testdata.
func template(t testing.TB, name string) data.Template {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name + ".yaml")
	require.NoError(t, err)
	var out data.Template
	require.Empty(t, specfile.Decode(name+".yaml", body, &out))
	return out
}

// made generates a set and reads it back by column.
func made(t testing.TB, tmpl data.Template, d data.Draw) (string, data.Made, map[string][]string) {
	t.Helper()
	var out bytes.Buffer
	m, err := data.Generate(&out, tmpl, d)
	require.NoError(t, err)
	return out.String(), m, columns(t, tmpl.Format, out.String())
}

func columns(t testing.TB, format, body string) map[string][]string {
	t.Helper()
	if format == "" {
		format = data.CSV
	}
	table, err := data.ReadTable("made", format, strings.NewReader(body))
	require.NoError(t, err)
	return table
}

func numbers(t testing.TB, texts []string) []float64 {
	t.Helper()
	out := make([]float64, len(texts))
	for i, s := range texts {
		v, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		out[i] = v
	}
	return out
}

// shop generates customers and orders of them.
func shop(t testing.TB, seed int64, rows int) (string, data.Made, map[string][]string) {
	t.Helper()
	_, _, customers := made(t, template(t, "customers"), data.Draw{Seed: seed, Set: "customers"})
	return made(t, template(t, "orders"), data.Draw{Seed: seed, Set: "orders", Rows: rows, Tables: data.Tables{"customers": customers}})
}

// The digests are permanent: recorded runs are repeated with them.
func TestSameSeedSameBytes(t *testing.T) {
	body, customers, _ := made(t, template(t, "customers"), data.Draw{Seed: 42, Set: "customers"})
	require.Equal(t, `{"id":"C-8194ry","first":"edsger","email":"edsger.30#@example.com","since":"2022-03-18"}`, strings.SplitN(body, "\n", 2)[0])
	require.Equal(t, "sha256:c0ae67ec9453865c680ad64c8f282ae05194481cc193b339c84dc85da8094ffc", customers.Digest)
	body, orders, _ := shop(t, 42, 0)
	lines := strings.SplitN(body, "\n", 3)
	require.Equal(t, "id,key,customer,email,category,amount,weight,items,placed,card,note", lines[0])
	require.Equal(t, "1,cd2c8c2f-230d-42d1-a5f4-edcccdabae96,C-8504mw,grace.95#@example.com,book,11.51,1.3,1,2026-06-20T06:52:38Z,4505 1715 0378 7831,order 1 of C-8504mw", lines[1])
	require.Equal(t, "sha256:569d82588c386501168a358614d71bfcc6a87c7ca7881bd09d36ea9afe822334", orders.Digest)
	require.Equal(t, 1000, orders.Rows)
	_, other, _ := shop(t, 43, 0)
	require.NotEqual(t, orders.Digest, other.Digest)
}

// More rows, another column or a rare case leave the rest as it was.
func TestWhatWasThereStays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seed, rows := rapid.Int64().Draw(r, "seed"), rapid.IntRange(1, 50).Draw(r, "rows")
		few, _, _ := shop(t, seed, rows)
		many, _, _ := shop(t, seed, rows+rapid.IntRange(0, 50).Draw(r, "more"))
		require.True(t, strings.HasPrefix(many, few))
		again, _, _ := shop(t, seed, rows)
		require.Equal(t, few, again)

		wide := template(t, "customers")
		draw := data.Draw{Seed: seed, Set: "customers"}
		_, _, before := made(t, wide, draw)
		wide.Columns = append([]data.Column{{Name: "new", Pattern: "####"}}, wide.Columns...)
		wide.Rare = []data.Rare{{Name: "no name", Share: 1000, Set: map[string]string{"first": ""}}}
		_, m, after := made(t, wide, draw)
		require.Equal(t, before["since"], after["since"])
		unchanged := 0
		for i := range before["first"] {
			if before["first"][i] == after["first"][i] {
				unchanged++
			}
		}
		require.Equal(t, len(before["first"]), unchanged+m.Rare["no name"])
	})
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// spearman is the correlation of the ranks.
func spearman(a, b []float64) float64 {
	ra, rb := rank(a), rank(b)
	ma, mb := mean(ra), mean(rb)
	var ab, aa, bb float64
	for i := range ra {
		ab += (ra[i] - ma) * (rb[i] - mb)
		aa += (ra[i] - ma) * (ra[i] - ma)
		bb += (rb[i] - mb) * (rb[i] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}

func rank(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case v[i] < v[j]:
			return -1
		case v[i] > v[j]:
			return 1
		}
		return 0
	})
	ranks := make([]float64, len(v))
	for r, i := range order {
		ranks[i] = float64(r)
	}
	return ranks
}

func TestDistributionsAreThoseOfTheTemplate(t *testing.T) {
	const n = 40_000
	_, m, got := shop(t, 7, n)
	share := func(column, value string) float64 {
		k := 0
		for _, v := range got[column] {
			if v == value {
				k++
			}
		}
		return float64(k) / n
	}
	require.InDelta(t, 0.6, share("category", "book"), 0.01)
	require.InDelta(t, 0.1, share("category", "machine"), 0.005)
	require.InDelta(t, 1.0/6, share("items", "1"), 0.008)
	require.InDelta(t, 1.0/6, share("items", "6"), 0.008)
	require.InDelta(t, 0.01*n, m.Rare["free"], 90)
	require.InDelta(t, 0.005*n, m.Rare["odd text"], 65)
	require.InDelta(t, 0.01, share("note", "gift"), 0.0025)

	weights := numbers(t, got["weight"])
	require.InDelta(t, 2, mean(weights), 0.015)
	spread := 0.0
	for _, w := range weights {
		spread += (w - 2) * (w - 2) / n
	}
	require.InDelta(t, 0.5, math.Sqrt(spread), 0.015)

	var of = map[string][]float64{}
	var amounts, heavy []float64
	for i, v := range numbers(t, got["amount"]) {
		if v == 0 {
			continue // a rare case
		}
		of[got["category"][i]] = append(of[got["category"][i]], v)
		if got["category"][i] == "book" {
			amounts, heavy = append(amounts, v), append(heavy, weights[i])
		}
	}
	median := func(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }
	require.InEpsilon(t, 20, median(of["book"]), 0.03)
	require.InEpsilon(t, 300, median(of["machine"]), 0.03)
	require.InDelta(t, 6/math.Pi*math.Asin(0.7/2), spearman(amounts, heavy), 0.02, "the rank correlation of a Gaussian copula of 0.7")
	require.InDelta(t, 0, spearman(amounts, numbers(t, got["items"])[:len(amounts)]), 0.02)

	ranked := map[string]int{}
	for _, c := range got["customer"] {
		ranked[c]++
	}
	_, _, customers := made(t, template(t, "customers"), data.Draw{Seed: 7, Set: "customers"})
	require.InEpsilon(t, math.Pow(8, 0.8), float64(ranked[customers["id"][0]])/float64(ranked[customers["id"][7]]), 0.2, "Zipf's law")
	for i, c := range got["customer"] {
		row := slices.Index(customers["id"], c)
		require.Equal(t, customers["email"][row], got["email"][i], "the same row's e-mail")
	}
}
