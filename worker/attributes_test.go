package main

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"google.golang.org/grpc"

	"bakeoff/rollout"
)

// operator is a namespace with search attributes. Those that are added show
// after `slow` more lists, as with some databases.
type operator struct {
	have, added map[string]enumspb.IndexedValueType
	slow        int
	listErr     error
	addErr      error
}

func (o *operator) ListSearchAttributes(_ context.Context, r *operatorservice.ListSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	if o.added != nil {
		if o.slow--; o.slow < 0 {
			maps.Copy(o.have, o.added)
		}
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: maps.Clone(o.have)}, o.listErr
}

func (o *operator) AddSearchAttributes(_ context.Context, r *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	o.added = r.SearchAttributes
	return &operatorservice.AddSearchAttributesResponse{}, o.addErr
}

func without(names ...string) *operator {
	o := &operator{have: wantedAttributes()}
	for _, n := range names {
		delete(o.have, n)
	}
	return o
}

func TestWantedAttributes(t *testing.T) {
	want := wantedAttributes()
	require.Len(t, want, len(rollout.KeywordAttributes())+len(rollout.IntAttributes())+len(rollout.BoolAttributes()))
	require.Equal(t, enumspb.INDEXED_VALUE_TYPE_KEYWORD, want[rollout.AttributeTarget])
	require.Equal(t, enumspb.INDEXED_VALUE_TYPE_INT, want[rollout.AttributeWeight])
	require.Equal(t, enumspb.INDEXED_VALUE_TYPE_BOOL, want[rollout.AttributeNeedsHuman])
}

func TestAttributesArePresent(t *testing.T) {
	o := without()
	o.have["SomebodyElses"] = enumspb.INDEXED_VALUE_TYPE_TEXT
	require.NoError(t, checkAttributes(t.Context(), o, "default", false))
	require.NoError(t, checkAttributes(t.Context(), o, "default", true))
	require.Nil(t, o.added)
}

func TestMissingAttributesAreNamed(t *testing.T) {
	o := without(rollout.AttributeStep, rollout.AttributePhase)
	err := checkAttributes(t.Context(), o, "prod", false)
	require.ErrorIs(t, err, errAttributes)
	require.EqualError(t, err, "search attributes are missing in namespace prod: RolloutPhase (Keyword), RolloutStep (Int): start once with --register to create them (needs namespace admin)")
	require.Nil(t, o.added)
}

func TestRegisterCreatesOnlyWhatIsMissing(t *testing.T) {
	o := without(rollout.AttributeStep, rollout.AttributePhase)
	o.slow = 1
	require.NoError(t, checkAttributes(t.Context(), o, "prod", true))
	require.Equal(t, map[string]enumspb.IndexedValueType{
		rollout.AttributeStep: enumspb.INDEXED_VALUE_TYPE_INT, rollout.AttributePhase: enumspb.INDEXED_VALUE_TYPE_KEYWORD}, o.added)
}

func TestAttributesOfAWrongTypeAreNotTouched(t *testing.T) {
	o := without(rollout.AttributePhase)
	o.have[rollout.AttributeWeight] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	for _, register := range []bool{false, true} {
		err := checkAttributes(t.Context(), o, "prod", register)
		require.ErrorContains(t, err, "RolloutWeight is Keyword instead of Int")
		require.Nil(t, o.added)
	}
}

func TestAttributeErrors(t *testing.T) {
	denied := errors.New("permission denied")
	o := without(rollout.AttributePhase)
	o.listErr = denied
	require.ErrorIs(t, checkAttributes(t.Context(), o, "prod", false), denied)
	o.listErr, o.addErr = nil, denied
	require.ErrorContains(t, checkAttributes(t.Context(), o, "prod", true), "create search attributes in namespace prod: permission denied")

	o = without(rollout.AttributePhase)
	o.slow = 1 << 30
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, checkAttributes(ctx, o, "prod", true), "although they were just created: RolloutPhase")
}
