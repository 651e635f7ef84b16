package contender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	asynqModule = "github.com/hibiken/asynq"
	asynqNotes  = "holds the backlog in memory, and deletes completed jobs; its enqueues are no part of a database transaction; a lost worker's jobs go on after 30 to 90 s"
	everySecond = "in memory, and flushed once a second: a loss of power takes the last second's"
)

var asynqDefaults = Contender{
	Name: "asynq-defaults", System: "Asynq", Variant: "defaults", Store: Redis, Peer: true,
	Settings:   "as many jobs at once as cores, check of empty queues each second; appendonly yes, appendfsync everysec",
	Durability: everySecond,
	Notes:      asynqNotes,
	Jobs:       20_000,
	Module:     asynqModule,
	Open: func(ctx context.Context, at Place) (System, error) {
		return openAsynq(ctx, at, "everysec", asynq.Config{})
	},
}

var asynqTuned = Contender{
	Name: "asynq-tuned", System: "Asynq", Variant: "tuned", Store: Redis, Peer: true, Tuned: true,
	Settings:   "100 jobs at once, check of empty queues each 10 ms; appendonly yes, appendfsync everysec",
	Durability: everySecond,
	Notes:      asynqNotes,
	Jobs:       20_000,
	Module:     asynqModule,
	Open: func(ctx context.Context, at Place) (System, error) {
		return openAsynq(ctx, at, "everysec", asynqByHand)
	},
}

var asynqAlways = Contender{
	Name: "asynq-always", System: "Asynq", Variant: "tuned, fsync always", Store: Redis, Peer: true, Tuned: true,
	Settings:   "100 jobs at once, check of empty queues each 10 ms; appendonly yes, appendfsync always",
	Durability: flushed,
	Notes:      asynqNotes,
	Jobs:       10_000,
	Module:     asynqModule,
	Open: func(ctx context.Context, at Place) (System, error) {
		return openAsynq(ctx, at, "always", asynqByHand)
	},
}

var asynqByHand = asynq.Config{Concurrency: 100, TaskCheckInterval: 10 * time.Millisecond}

// onAsynq is Asynq on one Redis.
type onAsynq struct {
	option asynq.RedisClientOpt
	config asynq.Config
	redis  redis.UniversalClient
	client *asynq.Client
}

func openAsynq(ctx context.Context, at Place, appendfsync string, config asynq.Config) (System, error) {
	option := asynq.RedisClientOpt{Addr: at.Redis}
	client := option.MakeRedisClient().(redis.UniversalClient) // as NewClient does
	err := errors.Join(
		client.ConfigSet(ctx, "appendfsync", appendfsync).Err(),
		client.FlushAll(ctx).Err(),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("empty Redis at %s: %w", at.Redis, err), client.Close())
	}
	config.LogLevel = asynq.ErrorLevel
	return &onAsynq{option, config, client, asynq.NewClient(option)}, nil
}

func (s *onAsynq) Enqueue(ctx context.Context, in Input) error {
	payload, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, err = s.client.EnqueueContext(ctx, asynq.NewTask("bench", payload))
	return err
}

func (s *onAsynq) Work(_ context.Context, started Started) (stop func() error, err error) {
	server := asynq.NewServer(s.option, s.config)
	err = server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		var in Input
		if err := json.Unmarshal(task.Payload(), &in); err != nil {
			return err
		}
		started.run(in)
		return nil
	}))
	return func() error {
		server.Shutdown()
		return nil
	}, err
}

// Asynq keeps waiting and running tasks in two lists, and those to be tried again in a set.
func (s *onAsynq) Left(ctx context.Context) (bool, error) {
	pending, err1 := s.redis.LLen(ctx, "asynq:{default}:pending").Result()
	active, err2 := s.redis.LLen(ctx, "asynq:{default}:active").Result()
	retry, err3 := s.redis.ZCard(ctx, "asynq:{default}:retry").Result()
	return pending+active+retry > 0, errors.Join(err1, err2, err3)
}

func (s *onAsynq) Close() error { return errors.Join(s.client.Close(), s.redis.Close()) }
