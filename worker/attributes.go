package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"google.golang.org/grpc"

	"bakeoff/rollout"
)

// attributeService is what checking and creating search attributes needs of
// Temporal's operator service.
type attributeService interface {
	ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error)
	AddSearchAttributes(context.Context, *operatorservice.AddSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error)
}

// How often and how long created attributes are looked for: with some
// databases a namespace shows them only after a while.
const (
	attributePoll   = 200 * time.Millisecond
	attributeWithin = 30 * time.Second
)

// errAttributes says that workflows could not run in this namespace.
var errAttributes = errors.New("search attributes are missing")

// wantedAttributes lists every search attribute that the workflow sets.
func wantedAttributes() map[string]enumspb.IndexedValueType {
	out := map[string]enumspb.IndexedValueType{}
	for _, name := range rollout.KeywordAttributes() {
		out[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	for _, name := range rollout.IntAttributes() {
		out[name] = enumspb.INDEXED_VALUE_TYPE_INT
	}
	for _, name := range rollout.BoolAttributes() {
		out[name] = enumspb.INDEXED_VALUE_TYPE_BOOL
	}
	return out
}

// checkAttributes makes sure that the namespace has every search attribute
// that the workflow sets, with its type, because a missing one wedges a
// workflow for good. With register it creates those that are missing. One of
// another type is an error either way: only a person can resolve it.
func checkAttributes(ctx context.Context, s attributeService, namespace string, register bool) error {
	missing, err := missingAttributes(ctx, s, namespace)
	if err != nil || len(missing) == 0 {
		return err
	}
	if !register {
		return fmt.Errorf("%w in namespace %s: %s: start once with --register to create them (needs namespace admin)", errAttributes, namespace, attributeList(missing))
	}
	_, err = s.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("create search attributes in namespace %s: %w", namespace, err)
	}
	ctx, cancel := context.WithTimeout(ctx, attributeWithin)
	defer cancel()
	for {
		missing, err := missingAttributes(ctx, s, namespace)
		if err == nil && len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w in namespace %s although they were just created: %s", errAttributes, namespace, attributeList(missing))
		case <-time.After(attributePoll):
		}
	}
}

// missingAttributes lists what the namespace lacks.
func missingAttributes(ctx context.Context, s attributeService, namespace string) (map[string]enumspb.IndexedValueType, error) {
	have, err := s.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, err)
	}
	missing, wrong := map[string]enumspb.IndexedValueType{}, []string{}
	for name, want := range wantedAttributes() {
		switch found, there := have.GetCustomAttributes()[name]; {
		case !there:
			missing[name] = want
		case found != want:
			wrong = append(wrong, fmt.Sprintf("%s is %s instead of %s", name, found, want))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return nil, fmt.Errorf("search attributes of namespace %s have the wrong type: %s: remove them there first", namespace, strings.Join(wrong, ", "))
	}
	return missing, nil
}

// attributeList writes attributes in order: "RolloutStep (Int)".
func attributeList(attributes map[string]enumspb.IndexedValueType) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		out = append(out, fmt.Sprintf("%s (%s)", name, attributes[name]))
	}
	return strings.Join(out, ", ")
}
