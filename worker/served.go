package main

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// pollSeen is how long ago a living worker may have begun its last poll, which lasts a
// minute. The server remembers dead ones for longer.
const pollSeen = 90 * time.Second

// served asks the server who polls a task queue.
type served struct{ server pollWitness }

// Served implements activities.Queues. The root partition is asked first, then all of
// them: the poller of a quiet queue may be on another one.
func (s served) Served(ctx context.Context, queue string) (bool, error) {
	root, err := s.server.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return false, err
	}
	for _, p := range root.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollSeen {
			return true, nil
		}
	}
	all, err := s.server.DescribeTaskQueueEnhanced(ctx, client.DescribeTaskQueueEnhancedOptions{
		TaskQueue: queue, TaskQueueTypes: []client.TaskQueueType{client.TaskQueueTypeActivity}, ReportPollers: true})
	if err != nil {
		return false, err
	}
	for _, version := range all.VersionsInfo {
		for _, p := range version.TypesInfo[client.TaskQueueTypeActivity].Pollers {
			if time.Since(p.LastAccessTime) < pollSeen {
				return true, nil
			}
		}
	}
	return false, nil
}
