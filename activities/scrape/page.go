package scrape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"bakeoff/activities"
	"bakeoff/activities/selector"
)

// pageLimit is far above any sensible page.
const pageLimit = 64 << 20

// shared keeps connections over many short-lived drivers. It follows no
// redirect: another place is not the version that was asked for.
var shared = http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// page is what one endpoint answered: all of its samples, by metric name.
type page struct {
	samples map[string][]selector.Sample
	err     error
}

// read gets one endpoint's page.
func (e *Endpoints) read(ctx context.Context, endpoint string) page {
	ctx, cancel := context.WithTimeout(ctx, e.deadline)
	defer cancel()
	body, err := e.get(ctx, endpoint)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %s: %w", e.deadline, err)
		}
		return page{err: err}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		return page{err: err}
	}
	p := page{samples: map[string][]selector.Sample{}}
	for _, family := range families {
		vector, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, family)
		if err != nil {
			return page{err: err}
		}
		for _, v := range vector {
			s := selector.Sample{Labels: make(map[string]string, len(v.Metric)), Value: float64(v.Value)}
			for label, value := range v.Metric {
				s.Labels[string(label)] = string(value)
			}
			s.Name = s.Labels[model.MetricNameLabel]
			delete(s.Labels, model.MetricNameLabel)
			p.samples[s.Name] = append(p.samples[s.Name], s)
		}
	}
	return p
}

func (e *Endpoints) get(ctx context.Context, endpoint string) ([]byte, error) {
	where, err := e.pageURL(endpoint)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := shared.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageLimit+1))
	if err == nil && len(body) > pageLimit {
		err = fmt.Errorf("the page is larger than %d bytes: %w", pageLimit, activities.ErrFinal)
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = classify(resp.StatusCode, resp.Header, string(body))
	}
	return body, err
}

// pageURL accepts an endpoint as a URL or as host:port.
func (e *Endpoints) pageURL(endpoint string) (string, error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	where, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	if where.Scheme != "http" && where.Scheme != "https" || where.Host == "" {
		return "", errors.New("is not an http(s) URL")
	}
	return where.JoinPath(e.path).String(), nil
}
