package main

// Transactions: what readers see of them, fencing, a group's offsets in them, and their administration.
// What has no transaction is in main.go.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"kring.io/compat/check"
)

const inputs = 300

var transactionChecks = []check.Check{
	{Title: "committed records are seen by a reader of committed records, aborted ones never", Body: visibility},
	{Title: "a reader of committed records waits for an open transaction", Body: openTransaction},
	{Title: "transactions follow one another without pauses", Body: oneAfterTheOther},
	{Title: "a second producer with the same transactional id fences the first", Body: fencing},
	{Title: "offsets of a group go with the transaction, and each input has one output", Body: exactlyOnce},
	{Title: "transactions and their producers are listed and described", Body: transactionsAreDescribed},
}

// newTopic has one partition.
func newTopic(ctx context.Context, kind string) string {
	a, done := admin()
	defer done()
	name := check.Name("transactions-" + kind)
	_, err := a.CreateTopic(ctx, 1, 1, nil, name)
	check.Must(err)
	return name
}

func transactional(kind string) *kgo.Client {
	return client(kgo.TransactionalID(check.Name(kind)), kgo.ProducerLinger(0))
}

func send(ctx context.Context, c *kgo.Client, to string, values ...string) {
	var batch []*kgo.Record
	for _, value := range values {
		batch = append(batch, &kgo.Record{Topic: to, Value: []byte(value)})
	}
	check.Must(c.ProduceSync(ctx, batch...).FirstErr())
}

func sendPlainly(ctx context.Context, to string, values ...string) {
	c := client()
	defer c.Close()
	send(ctx, c, to, values...)
}

func reader(of string, level kgo.IsolationLevel) *kgo.Client {
	start := map[string]map[int32]kgo.Offset{of: {0: kgo.NewOffset().AtStart()}}
	return client(kgo.ConsumePartitions(start), kgo.FetchIsolationLevel(level))
}

// valuesUpToEnd are those before the record that sees has put at the end.
func valuesUpToEnd(ctx context.Context, of string, level kgo.IsolationLevel) []string {
	c := reader(of, level)
	defer c.Close()
	var values []string
	for !slices.Contains(values, "end") {
		for _, record := range read(ctx, c, 1) {
			values = append(values, string(record.Value))
		}
	}
	return values[:len(values)-1]
}

// sees ends a topic by a record without a transaction and compares what readers of either kind see before it.
func sees(ctx context.Context, of string, committed, everything []string) {
	sendPlainly(ctx, of, "end")
	check.Equal(fmt.Sprint(valuesUpToEnd(ctx, of, kgo.ReadCommitted())), fmt.Sprint(committed))
	check.Equal(fmt.Sprint(valuesUpToEnd(ctx, of, kgo.ReadUncommitted())), fmt.Sprint(everything))
}

func numbered(prefix string, count int) (values []string) {
	for i := range count {
		values = append(values, fmt.Sprint(prefix, " ", i))
	}
	return
}

func visibility(ctx context.Context) {
	to := newTopic(ctx, "visible")
	c := transactional("visible")
	defer c.Close()
	var committed, everything []string
	for _, fate := range []string{"commit", "abort", "commit again"} {
		values := numbered(fate, 100)
		check.Must(c.BeginTransaction())
		send(ctx, c, to, values...)
		check.Must(c.EndTransaction(ctx, fate != "abort"))
		everything = append(everything, values...)
		if fate != "abort" {
			committed = append(committed, values...)
		}
	}
	sees(ctx, to, committed, everything)
}

func openTransaction(ctx context.Context) {
	to := newTopic(ctx, "open")
	c := transactional("open")
	defer c.Close()
	check.Must(c.BeginTransaction())
	send(ctx, c, to, "open")
	sendPlainly(ctx, to, "after")
	r := reader(to, kgo.ReadCommitted())
	defer r.Close()
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	check.Equal(r.PollFetches(short).NumRecords(), 0)
	a, done := admin()
	defer done()
	stable, err := a.ListCommittedOffsets(ctx, to)
	check.Must(err)
	end, _ := stable.Lookup(to, 0)
	check.Equal(end.Offset, 0)
	check.Must(c.EndTransaction(ctx, kgo.TryCommit))
	records := read(ctx, r, 2)
	check.Equal(string(records[0].Value), "open")
	check.Equal(string(records[1].Value), "after")
}

func oneAfterTheOther(ctx context.Context) {
	to := newTopic(ctx, "follow")
	c := transactional("follow")
	defer c.Close()
	var committed, everything []string
	for i := range 40 {
		value := fmt.Sprint(i)
		check.Must(c.BeginTransaction())
		send(ctx, c, to, value)
		check.Must(c.EndTransaction(ctx, i%2 == 0))
		everything = append(everything, value)
		if i%2 == 0 {
			committed = append(committed, value)
		}
	}
	sees(ctx, to, committed, everything)
}

func fencing(ctx context.Context) {
	to := newTopic(ctx, "fenced")
	first := transactional("fenced")
	defer first.Close()
	check.Must(first.BeginTransaction())
	send(ctx, first, to, "lost")
	second := transactional("fenced")
	defer second.Close()
	check.Must(second.BeginTransaction())
	send(ctx, second, to, "kept")
	err := first.EndTransaction(ctx, kgo.TryCommit)
	fenced := errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
	check.Expect(fenced, "PRODUCER_FENCED, saw %v", err)
	check.Must(second.EndTransaction(ctx, kgo.TryCommit))
	sees(ctx, to, []string{"kept"}, []string{"lost", "kept"})
}

// copyRecords copies by a transaction for each poll, up to one that is aborted. It gives the place up to which it committed.
func copyRecords(ctx context.Context, from, to string, aborted int) (place int64) {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(check.Bootstrap...), kgo.FetchMaxWait(200*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.TransactionalID(check.Name("copy")), kgo.ProducerLinger(0),
		kgo.ConsumerGroup(group+"-transactions"), kgo.ConsumeTopics(from), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(),
	)
	check.Must(err)
	defer session.Close()
	for number := 1; place < inputs; number++ {
		fetches := session.PollRecords(ctx, 40)
		check.Must(fetches.Err())
		records := fetches.Records()
		check.Must(session.Begin())
		for _, record := range records {
			copied := &kgo.Record{Topic: to, Value: fmt.Appendf(nil, "copy of %s", record.Value)}
			session.Produce(ctx, copied, func(_ *kgo.Record, err error) { check.Must(err) })
		}
		check.Must(session.Client().Flush(ctx))
		committed, err := session.End(ctx, number != aborted)
		check.Must(err)
		check.Equal(committed, number != aborted)
		if number == aborted {
			break
		}
		place = records[len(records)-1].Offset + 1
	}
	return
}

func exactlyOnce(ctx context.Context) {
	from, to := newTopic(ctx, "input"), newTopic(ctx, "output")
	sendPlainly(ctx, from, numbered("input", inputs)...)
	a, done := admin()
	defer done()
	committed := func() int64 {
		offsets, err := a.FetchOffsets(ctx, group+"-transactions")
		check.Must(err)
		offset, _ := offsets.Lookup(from, 0)
		return offset.At
	}
	place := copyRecords(ctx, from, to, 3)
	check.Expect(0 < place && place < inputs, "an abort on the way, saw place %d", place)
	check.Equal(committed(), place)
	check.Equal(copyRecords(ctx, from, to, -1), inputs)
	// The commit is answered before the group hears of it.
	check.Until("the offset of the last transaction", func() bool { return committed() == inputs })
	sendPlainly(ctx, to, "end")
	check.Equal(fmt.Sprint(valuesUpToEnd(ctx, to, kgo.ReadCommitted())), fmt.Sprint(numbered("copy of input", inputs)))
	check.Expect(len(valuesUpToEnd(ctx, to, kgo.ReadUncommitted())) > inputs, "the aborted copies too")
}

func transactionsAreDescribed(ctx context.Context) {
	to, id := newTopic(ctx, "described"), check.Name("described")
	a, done := admin()
	defer done()
	c := transactional("described")
	defer c.Close()
	check.Must(c.BeginTransaction())
	send(ctx, c, to, "open")
	described, err := a.DescribeTransactions(ctx, id)
	check.Must(err)
	open := described[id]
	check.Must(open.Err)
	check.Equal(open.State, "Ongoing")
	check.Expect(open.Topics.Lookup(to, 0) && open.StartTimestamp > 0, "its partition and start, saw %v", open)
	listed, err := a.ListTransactions(ctx, []int64{open.ProducerID}, []string{"Ongoing"})
	check.Must(err)
	check.Equal(fmt.Sprint(listed.TransactionalIDs()), fmt.Sprint([]string{id}))
	producers, err := a.DescribeProducers(ctx, kadm.TopicsSet{to: {0: {}}})
	check.Must(err)
	active := producers.SortedProducers()
	check.Equal(len(active), 1)
	check.Equal(active[0].ProducerID, open.ProducerID)
	check.Equal(active[0].CurrentTxnStartOffset, 0)
	check.Must(c.EndTransaction(ctx, kgo.TryCommit))
	check.Until("its completion", func() bool {
		described, err := a.DescribeTransactions(ctx, id)
		check.Must(err)
		return described[id].State == "CompleteCommit"
	})
}
