package specfile

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"bakeoff/rollout"
)

// maxSize is the largest file that is read, in bytes. A spec goes into a
// workflow's history, and the time to parse grows with the square of it.
const maxSize = 256 << 10

// maxDepth bounds how deep brackets may be nested: the time to parse them grows
// much faster than their number.
const maxDepth = 100

// document is a YAML file as a plain tree: anchors, aliases and merge keys
// resolved, nothing interpreted yet. Without a root the problems say why.
type document struct {
	root     *node
	problems []rollout.Problem
	anchors  map[string]*node
}

type kind string

const (
	scalar   kind = "a value"
	mapping  kind = "a mapping"
	sequence kind = "a list"
)

// place is where something stands in the file, from 1.
type place struct{ line, column int }

// node is one value of the tree.
type node struct {
	place
	kind    kind
	text    string // of a scalar, as it was written, without quotes
	plain   bool   // the scalar has no quotes, so that it may be no text
	entries []entry
	items   []*node
	broken  bool // could not be read, which is recorded: to be passed over
}

type entry struct {
	place // of the key
	key   string
	value *node
}

// read parses one file. It never fails: what is wrong is in the problems.
func read(data []byte) document {
	doc := document{anchors: map[string]*node{}}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch {
	case len(data) > maxSize:
		doc.add(place{1, 1}, "", "the file is too long: at most %d kB are read", maxSize>>10)
		return doc
	case !utf8.Valid(data):
		doc.add(placeOf(data, firstInvalid(data)), "", "the file is not UTF-8 text")
		return doc
	}
	tokens := lexer.Tokenize(string(data))
	if deep := tooDeep(tokens); deep != nil {
		doc.add(*deep, "", "nested more than %d deep: nothing that is read is", maxDepth)
		return doc
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		doc.syntax(err)
		return doc
	}
	for _, d := range file.Docs {
		if _, directive := d.Body.(*ast.DirectiveNode); d.Body == nil || directive {
			continue
		}
		if doc.root != nil {
			doc.add(at(d.Body), "", "a second document begins here: a file holds one document")
			doc.root = nil
			return doc
		}
		doc.root = doc.node(d.Body, "")
	}
	if doc.root == nil {
		doc.add(place{1, 1}, "", "the file is empty")
	}
	return doc
}

// tooDeep finds where brackets, or dashes on one line, are nested too deeply to be
// parsed in reasonable time; nil: nowhere.
func tooDeep(tokens token.Tokens) *place {
	depth, dashes, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			dashes, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType:
			dashes++
		}
		if depth > maxDepth || dashes > maxDepth {
			return &place{t.Position.Line, t.Position.Column}
		}
	}
	return nil
}

// syntax records why the file is no YAML.
func (doc *document) syntax(err error) {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		at := syntax.GetToken().Position
		doc.add(place{at.Line, max(at.Column, 1)}, "", "no YAML: %s", syntax.GetMessage())
		return
	}
	doc.add(place{1, 1}, "", "no YAML: %v", err)
}

func (doc *document) add(at place, path, format string, args ...any) {
	doc.problems = append(doc.problems, rollout.Problem{Path: path, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
}

// node turns one node of the parser into ours.
func (doc *document) node(n ast.Node, path string) *node {
	switch n := n.(type) {
	case *ast.AnchorNode:
		v := doc.node(n.Value, path)
		doc.anchors[n.Name.GetToken().Value] = v // after its value: no anchor holds itself
		return v
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if v, ok := doc.anchors[name]; ok {
			return v
		}
		doc.add(at(n), path, "*%s refers to nothing: no anchor &%s is defined above it", name, name)
		return &node{place: at(n), broken: true}
	case *ast.TagNode:
		doc.add(at(n), path, "tags such as %s are not supported: write the value without the tag", n.Start.Value)
		return &node{place: at(n), broken: true}
	case *ast.SequenceNode:
		list := &node{place: at(n), kind: sequence}
		for i, item := range n.Values {
			list.items = append(list.items, doc.node(item, fmt.Sprintf("%s[%d]", path, i)))
		}
		return list
	case *ast.MappingNode:
		return doc.mapping(at(n), n.Values, path)
	case *ast.MappingValueNode:
		return doc.mapping(at(n), []*ast.MappingValueNode{n}, path)
	case *ast.LiteralNode:
		return &node{place: at(n), kind: scalar, text: n.Value.Value}
	case *ast.StringNode:
		return &node{place: at(n), kind: scalar, text: n.Value, plain: n.Token.Type == token.StringType}
	case *ast.NullNode:
		text := n.Token.Value
		if n.Token.Type == token.ImplicitNullType {
			text = ""
		}
		return &node{place: at(n), kind: scalar, text: text, plain: true}
	case ast.ScalarNode:
		return &node{place: at(n), kind: scalar, text: n.GetToken().Value, plain: true}
	}
	doc.add(place{1, 1}, path, "cannot be read")
	return &node{place: place{1, 1}, broken: true}
}

// mapping gathers entries; one that is written wins over one that << brings.
func (doc *document) mapping(where place, values []*ast.MappingValueNode, path string) *node {
	m := &node{place: where, kind: mapping}
	written := map[string]place{}
	var merged []*node
	for _, v := range values {
		key := v.Key.GetToken()
		at := place{key.Position.Line, max(key.Position.Column, 1)}
		if v.Key.IsMergeKey() {
			merged = append(merged, doc.merged(v.Value, at, path)...)
			continue
		}
		name := doc.key(v.Key, at, path)
		value := doc.node(v.Value, join(path, name))
		if value.isNull() && value.text == "" {
			value.place = at // nothing stands anywhere: point at the key
		}
		if first, twice := written[name]; twice {
			doc.add(at, join(path, name), "stands twice: first in line %d", first.line)
			continue
		}
		written[name] = at
		m.entries = append(m.entries, entry{at, name, value})
	}
	for _, from := range merged {
		for _, e := range from.entries {
			if _, ok := written[e.key]; !ok {
				written[e.key] = e.place
				m.entries = append(m.entries, e)
			}
		}
	}
	return m
}

func (doc *document) key(key ast.MapKeyNode, at place, path string) string {
	n := doc.node(key, path)
	if n.kind != scalar && !n.broken {
		doc.add(at, path, "a key must be a name, found %s", n.kind)
	}
	return n.text
}

// merged returns the mappings behind a merge key.
func (doc *document) merged(value ast.Node, at place, path string) []*node {
	from := doc.node(value, path)
	list := []*node{from}
	if from.kind == sequence {
		list = from.items
	}
	for _, m := range list {
		if m.kind != mapping && !m.broken {
			doc.add(at, join(path, "<<"), "expected a mapping or a list of them, found %s", m.kind)
		}
	}
	return list
}

// at is where a node begins. The parser places a block mapping at its first
// colon and a block scalar at its indicator.
func at(n ast.Node) place {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return at(v.Values[0])
		}
	case *ast.MappingValueNode:
		return at(v.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
	}
	return place{1, 1}
}

// join is the path of a field.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// placeOf is the place of a byte.
func placeOf(data []byte, offset int) place {
	before := data[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	return place{line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1}
}
