package temporald

import (
	"fmt"
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/searchattribute/sadefs"
)

// SearchAttribute is a key under which workflows can be listed, and its type.
type SearchAttribute struct {
	Name string
	Type enumspb.IndexedValueType
}

// SearchAttributes are the keys that rollouts write; Start makes sure of them.
// A workflow that upserts a key that is not registered hangs for good, so this
// list must hold every key that the main module names. SQL visibility has ten
// columns for Keyword and three each for Int and Bool.
var SearchAttributes = []SearchAttribute{
	{"RolloutTarget", enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{"RolloutService", enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{"RolloutEnvironment", enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{"RolloutPhase", enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{"RolloutOutcome", enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{"RolloutCandidate", enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{"RolloutWaitingFor", enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{"RolloutStep", enumspb.INDEXED_VALUE_TYPE_INT},
	{"RolloutWeight", enumspb.INDEXED_VALUE_TYPE_INT},
	{"RolloutNeedsHuman", enumspb.INDEXED_VALUE_TYPE_BOOL},
}

// withAliases returns aliases, a map from column to attribute name, with a free
// column of the right type for every wanted attribute that it lacks. Columns are
// given out in order, so that equal databases come out equal. It fails when an
// attribute exists with another type or when the columns of a type run out.
func withAliases(aliases map[string]string, wanted []SearchAttribute) (map[string]string, error) {
	columns := sadefs.GetDBIndexSearchAttributes(nil).GetCustomSearchAttributes()
	result := maps.Clone(aliases)
	if result == nil {
		result = map[string]string{}
	}
	columnOf := map[string]string{}
	for column, name := range result {
		columnOf[name] = column
	}
	for _, a := range wanted {
		if column, ok := columnOf[a.Name]; ok {
			if columns[column] != a.Type {
				return nil, fmt.Errorf("search attribute %s is %s, want %s", a.Name, columns[column], a.Type)
			}
			continue
		}
		column, ok := freeColumn(columns, result, a.Type)
		if !ok {
			return nil, fmt.Errorf("search attribute %s: no %s column left in the namespace", a.Name, a.Type)
		}
		result[column] = a.Name
	}
	return result, nil
}

// freeColumn returns the first column of the type that has no alias yet.
func freeColumn(columns map[string]enumspb.IndexedValueType, taken map[string]string, t enumspb.IndexedValueType) (string, bool) {
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		if _, used := taken[column]; !used && columns[column] == t {
			return column, true
		}
	}
	return "", false
}
