package main

// Transactions: what readers see of them, fencing, and a group's offsets in them.
// What has no transaction is in main.go.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"kring.io/compat/check"
)

const (
	perTransaction = 40
	inputGroup     = "transactions"
)

// newTopic has one partition.
func (s suite) newTopic(kind string) string {
	admin := s.admin()
	defer admin.Close()
	name := s.topic + "-" + kind
	check.Must(admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	return name
}

func (s suite) transactional(kind string) sarama.SyncProducer {
	config := s.config()
	config.Producer.Idempotent = true
	config.Producer.Transaction.ID = s.topic + "-" + kind
	config.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer(check.Bootstrap, config)
	check.Must(err)
	return producer
}

func messages(to string, values []string) (all []*sarama.ProducerMessage) {
	for _, value := range values {
		all = append(all, &sarama.ProducerMessage{Topic: to, Value: sarama.StringEncoder(value)})
	}
	return
}

func finish(producer sarama.SyncProducer, commit bool) {
	if commit {
		check.Must(producer.CommitTxn())
	} else {
		check.Must(producer.AbortTxn())
	}
}

func (s suite) reader(of string, level sarama.IsolationLevel) (sarama.PartitionConsumer, func()) {
	config := s.config()
	config.Consumer.IsolationLevel = level
	consumer, err := sarama.NewConsumer(check.Bootstrap, config)
	check.Must(err)
	partition, err := consumer.ConsumePartition(of, 0, sarama.OffsetOldest)
	check.Must(err)
	return partition, func() {
		partition.Close()
		consumer.Close()
	}
}

func next(reader sarama.PartitionConsumer) string {
	select {
	case message := <-reader.Messages():
		return string(message.Value)
	case <-time.After(check.Wait):
		check.Expect(false, "a record")
		return ""
	}
}

// valuesUpToEnd are those before the record that sees has put at the end.
func (s suite) valuesUpToEnd(of string, level sarama.IsolationLevel) (values []string) {
	reader, done := s.reader(of, level)
	defer done()
	for value := next(reader); value != "end"; value = next(reader) {
		values = append(values, value)
	}
	return
}

// sees ends a topic by a record without a transaction and compares what readers of either kind see before it.
func (s suite) sees(of string, committed, everything []string) {
	s.send(s.config(), messages(of, []string{"end"})...)
	check.Equal(fmt.Sprint(s.valuesUpToEnd(of, sarama.ReadCommitted)), fmt.Sprint(committed))
	check.Equal(fmt.Sprint(s.valuesUpToEnd(of, sarama.ReadUncommitted)), fmt.Sprint(everything))
}

func numbered(prefix string, count int) (values []string) {
	for i := range count {
		values = append(values, fmt.Sprint(prefix, " ", i))
	}
	return
}

func (s suite) visibility(context.Context) {
	to := s.newTopic("visible")
	producer := s.transactional("visible")
	defer producer.Close()
	var committed, everything []string
	for _, fate := range []string{"commit", "abort", "commit again"} {
		values := numbered(fate, 100)
		check.Must(producer.BeginTxn())
		check.Must(producer.SendMessages(messages(to, values)))
		finish(producer, fate != "abort")
		everything = append(everything, values...)
		if fate != "abort" {
			committed = append(committed, values...)
		}
	}
	s.sees(to, committed, everything)
}

func (s suite) openTransaction(context.Context) {
	to := s.newTopic("open")
	producer := s.transactional("open")
	defer producer.Close()
	check.Must(producer.BeginTxn())
	check.Must(producer.SendMessages(messages(to, []string{"open"})))
	s.send(s.config(), messages(to, []string{"after"})...)
	reader, done := s.reader(to, sarama.ReadCommitted)
	defer done()
	select {
	case message := <-reader.Messages():
		check.Expect(false, "nothing yet, saw %s", message.Value)
	case <-time.After(time.Second):
	}
	check.Must(producer.CommitTxn())
	check.Equal(next(reader), "open")
	check.Equal(next(reader), "after")
}

func (s suite) oneAfterTheOther(context.Context) {
	to := s.newTopic("follow")
	producer := s.transactional("follow")
	defer producer.Close()
	var committed, everything []string
	for i := range 40 {
		value := fmt.Sprint(i)
		check.Must(producer.BeginTxn())
		check.Must(producer.SendMessages(messages(to, []string{value})))
		finish(producer, i%2 == 0)
		everything = append(everything, value)
		if i%2 == 0 {
			committed = append(committed, value)
		}
	}
	s.sees(to, committed, everything)
}

func (s suite) fencing(context.Context) {
	to := s.newTopic("fenced")
	first := s.transactional("fenced")
	defer first.Close()
	check.Must(first.BeginTxn())
	check.Must(first.SendMessages(messages(to, []string{"lost"})))
	second := s.transactional("fenced")
	defer second.Close()
	check.Must(second.BeginTxn())
	check.Must(second.SendMessages(messages(to, []string{"kept"})))
	err := first.CommitTxn()
	fenced := errors.Is(err, sarama.ErrProducerFenced) || errors.Is(err, sarama.ErrInvalidProducerEpoch)
	check.Expect(fenced, "PRODUCER_FENCED, saw %v", err)
	check.Must(second.CommitTxn())
	s.sees(to, []string{"kept"}, []string{"lost", "kept"})
}

// copier copies what it claims by a transaction for some records each, up to one that is aborted.
type copier struct {
	producer  sarama.SyncProducer
	group, to string
	aborted   int
	place     int64
	err       error
	stop      func()
}

func (c *copier) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (c *copier) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c *copier) ConsumeClaim(_ sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	defer c.stop()
	c.err = c.copyAll(claim)
	return c.err
}

func (c *copier) copyAll(claim sarama.ConsumerGroupClaim) error {
	for number := 1; c.place < records; number++ {
		var values []string
		var last *sarama.ConsumerMessage
		for len(values) < perTransaction && (last == nil || last.Offset < records-1) {
			message, ok := <-claim.Messages()
			if !ok {
				return nil
			}
			last, values = message, append(values, "copy of "+string(message.Value))
		}
		err := c.producer.BeginTxn()
		if err == nil {
			err = c.producer.SendMessages(messages(c.to, values))
		}
		if err == nil {
			err = c.producer.AddMessageToTxn(last, c.group, nil)
		}
		if err != nil {
			return err
		}
		if number == c.aborted {
			return c.producer.AbortTxn()
		}
		if err := c.producer.CommitTxn(); err != nil {
			return err
		}
		c.place = last.Offset + 1
	}
	return nil
}

// copyRecords gives the place up to which the copies are committed.
func (s suite) copyRecords(ctx context.Context, from, to string, aborted int) int64 {
	config := s.config()
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	group, err := sarama.NewConsumerGroup(check.Bootstrap, s.group+inputGroup, config)
	check.Must(err)
	producer := s.transactional("copy")
	ctx, cancel := context.WithTimeout(ctx, check.Wait)
	c := &copier{producer: producer, group: s.group + inputGroup, to: to, aborted: aborted, stop: cancel}
	for ctx.Err() == nil {
		check.Must(group.Consume(ctx, []string{from}, c))
	}
	check.Must(c.err)
	check.Must(group.Close())
	check.Must(producer.Close())
	return c.place
}

func (s suite) exactlyOnce(ctx context.Context) {
	from, to := s.newTopic("input"), s.newTopic("output")
	s.send(s.config(), messages(from, numbered("input", records))...)
	admin := s.admin()
	defer admin.Close()
	committed := func() int64 {
		offsets, err := admin.ListConsumerGroupOffsets(s.group+inputGroup, map[string][]int32{from: {0}})
		check.Must(err)
		return offsets.GetBlock(from, 0).Offset
	}
	check.Equal(s.copyRecords(ctx, from, to, 3), 2*perTransaction)
	check.Equal(committed(), 2*perTransaction)
	check.Equal(s.copyRecords(ctx, from, to, -1), records)
	// The commit is answered before the group hears of it.
	check.Until("the offset of the last transaction", func() bool { return committed() == records })
	s.send(s.config(), messages(to, []string{"end"})...)
	check.Equal(fmt.Sprint(s.valuesUpToEnd(to, sarama.ReadCommitted)), fmt.Sprint(numbered("copy of input", records)))
	everything := slices.Concat(numbered("copy of input", 3*perTransaction), numbered("copy of input", records)[2*perTransaction:])
	check.Equal(fmt.Sprint(s.valuesUpToEnd(to, sarama.ReadUncommitted)), fmt.Sprint(everything))
}
