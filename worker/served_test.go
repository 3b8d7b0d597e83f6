package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// polled is a server on which a queue was polled so long ago; 0: never.
type polled struct{ root, elsewhere time.Duration }

func (p polled) DescribeTaskQueue(context.Context, string, enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	out := &workflowservice.DescribeTaskQueueResponse{}
	if p.root > 0 {
		out.Pollers = []*taskqueuepb.PollerInfo{{LastAccessTime: timestamppb.New(time.Now().Add(-p.root))}}
	}
	return out, nil
}

func (p polled) DescribeTaskQueueEnhanced(context.Context, client.DescribeTaskQueueEnhancedOptions) (client.TaskQueueDescription, error) {
	info := client.TaskQueueTypeInfo{}
	if p.elsewhere > 0 {
		info.Pollers = []client.TaskQueuePollerInfo{{LastAccessTime: time.Now().Add(-p.elsewhere)}}
	}
	return client.TaskQueueDescription{VersionsInfo: map[string]client.TaskQueueVersionInfo{"": {
		TypesInfo: map[client.TaskQueueType]client.TaskQueueTypeInfo{client.TaskQueueTypeActivity: info}}}}, nil
}

// A queue is served while somebody polls it, on whatever partition. Who died is
// remembered by the server, and serves nothing.
func TestServedQueues(t *testing.T) {
	for name, tt := range map[string]struct {
		polled
		want bool
	}{
		"nobody":               {polled{}, false},
		"a living worker":      {polled{root: time.Second}, true},
		"one that died":        {polled{root: 3 * time.Minute}, false},
		"on another partition": {polled{elsewhere: time.Minute}, true},
		"one that died there":  {polled{root: 3 * time.Minute, elsewhere: 3 * time.Minute}, false},
	} {
		is, err := served{tt.polled}.Served(t.Context(), "team-a")
		require.NoError(t, err, name)
		require.Equal(t, tt.want, is, name)
	}
	down := &matching{down: true}
	_, err := served{down}.Served(t.Context(), "team-a")
	require.Error(t, err, "it is not known, which is no refusal")
}
