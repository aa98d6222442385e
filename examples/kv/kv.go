// A Redis-protocol key-value server: the Go original of main.rs beside it, the same parts in the same order.
// One goroutine per connection, blocking reads through a bufio.Reader, replies through a bufio.Writer that is flushed
// before the goroutine waits for input, a map behind a mutex.
package main

import (
	"bufio"
	"bytes"
	"container/heap"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	maxBulk     = 64 << 20  // bytes of one argument
	maxRequest  = 256 << 20 // bytes of all arguments of one request
	maxElements = 1 << 20   // arguments of one request
	maxLine     = 64 << 10  // an inline request, or the head of an argument
	bufferSize  = 16 << 10
	keptSize    = 64 << 10 // a request's buffer that grew beyond this is given back
	sweepEvery  = 100 * time.Millisecond
	sweepMost   = 1000 // keys removed under one hold of the lock
	lastWords   = time.Second
)

// ---- resp: requests

type protocolError string

func (e protocolError) Error() string { return string(e) }

// request is one command; its arguments lie one after the other in data.
type request struct {
	data  []byte
	ends  []int
	line  []byte // the part of a line that did not fit the reader's buffer
	quote []byte
}

func (q *request) len() int { return len(q.ends) }

func (q *request) arg(i int) []byte {
	start := 0
	if i > 0 {
		start = q.ends[i-1]
	}
	return q.data[start:q.ends[i]]
}

func (q *request) clear() {
	if cap(q.data) > keptSize {
		q.data = nil
	}
	if cap(q.ends) > keptSize/8 {
		q.ends = nil
	}
	q.data, q.ends = q.data[:0], q.ends[:0]
}

// read reads the next request that has at least one argument.
func (q *request) read(r *bufio.Reader) error {
	q.clear()
	for q.len() == 0 {
		first, err := r.ReadByte()
		if err != nil {
			return err
		}
		if first == '*' {
			err = q.readArray(r)
		} else {
			r.UnreadByte()
			err = q.readInline(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *request) readArray(r *bufio.Reader) error {
	line, err := q.readLine(r, "too big mbulk count string")
	if err != nil {
		return err
	}
	n, ok := parseHead(line)
	if !ok || n > maxElements {
		return protocolError("invalid multibulk length")
	}
	for ; n > 0; n-- {
		if err := q.readBulk(r); err != nil {
			return err
		}
	}
	return nil
}

func (q *request) readBulk(r *bufio.Reader) error {
	mark, err := r.ReadByte()
	if err != nil {
		return err
	}
	if mark != '$' {
		return protocolError("expected '$', got '" + string([]byte{mark}) + "'")
	}
	line, err := q.readLine(r, "too big bulk count string")
	if err != nil {
		return err
	}
	n, ok := parseHead(line)
	if !ok || n < 0 || n > maxBulk {
		return protocolError("invalid bulk length")
	}
	if int64(len(q.data))+n > maxRequest {
		return protocolError("too big request")
	}
	if r.Buffered() >= int(n)+2 {
		// Nearly all: it is there as a whole.
		part, _ := r.Peek(int(n) + 2)
		if part[n] == '\r' && part[n+1] == '\n' {
			q.data = append(q.data, part[:n]...)
			q.ends = append(q.ends, len(q.data))
			r.Discard(len(part))
			return nil
		}
	}
	if err := q.readBytes(r, int(n)); err != nil {
		return err
	}
	end, err := r.Peek(2)
	if err != nil {
		return err
	}
	if end[0] != '\r' || end[1] != '\n' {
		return protocolError("expected CRLF after bulk")
	}
	r.Discard(2)
	q.ends = append(q.ends, len(q.data))
	return nil
}

// readBytes appends n bytes; memory grows with what has arrived, not with what was announced.
func (q *request) readBytes(r *bufio.Reader, n int) error {
	for n > 0 {
		if r.Buffered() == 0 {
			if _, err := r.Peek(1); err != nil {
				return err
			}
		}
		part, _ := r.Peek(min(n, r.Buffered()))
		q.data = append(q.data, part...)
		r.Discard(len(part))
		n -= len(part)
	}
	return nil
}

// readLine returns a line without its '\n', valid until the next read.
func (q *request) readLine(r *bufio.Reader, tooBig protocolError) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		q.line = q.line[:0]
		for err == bufio.ErrBufferFull {
			if q.line = append(q.line, line...); len(q.line) > maxLine {
				return nil, tooBig
			}
			line, err = r.ReadSlice('\n')
		}
		q.line = append(q.line, line...)
		line = q.line
	}
	if err != nil {
		return nil, err
	}
	if len(line) > maxLine {
		return nil, tooBig
	}
	return line[:len(line)-1], nil
}

func (q *request) readInline(r *bufio.Reader) error {
	line, err := q.readLine(r, "too big inline request")
	if err != nil {
		return err
	}
	for {
		line = bytes.TrimLeft(line, " \t\r\n\f")
		if len(line) == 0 {
			return nil
		}
		word, rest, ok := q.cutWord(line)
		if !ok {
			return protocolError("unbalanced quotes in request")
		}
		q.data = append(q.data, word...)
		q.ends = append(q.ends, len(q.data))
		line = rest
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' }

// cutWord takes the first word off line: plain, "quoted" with escapes, or 'quoted'.
func (q *request) cutWord(line []byte) (word, rest []byte, ok bool) {
	q.quote = q.quote[:0]
	i := 0
	for i < len(line) && !isSpace(line[i]) {
		c := line[i]
		i++
		if c != '"' && c != '\'' {
			q.quote = append(q.quote, c)
			continue
		}
		if i, ok = q.unquote(line, i, c); !ok {
			return nil, nil, false
		}
		if i < len(line) && !isSpace(line[i]) {
			return nil, nil, false
		}
	}
	return q.quote, line[i:], true
}

// unquote reads from i to the closing mark and returns the index behind it.
func (q *request) unquote(line []byte, i int, mark byte) (int, bool) {
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case c == mark:
			return i + 1, true
		case c == '\\' && mark == '"' && i+3 < len(line) && line[i+1] == 'x' && hex(line[i+2]) >= 0 && hex(line[i+3]) >= 0:
			q.quote = append(q.quote, byte(hex(line[i+2])<<4|hex(line[i+3])))
			i += 3
		case c == '\\' && mark == '"' && i+1 < len(line):
			i++
			q.quote = append(q.quote, escaped(line[i]))
		case c == '\\' && mark == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
			q.quote = append(q.quote, '\'')
		default:
			q.quote = append(q.quote, c)
		}
	}
	return 0, false
}

func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// parseHead reads the number in the head of an array or a bulk: all of the line but its '\r'.
func parseHead(line []byte) (int64, bool) {
	if len(line) == 0 || line[len(line)-1] != '\r' {
		return 0, false
	}
	return parseInt(line[:len(line)-1])
}

// parseInt takes the one way to write a number and no other: no plus, no leading zeros, no spaces.
func parseInt(text []byte) (int64, bool) {
	digits := text
	negative := len(text) > 1 && text[0] == '-'
	if negative {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case negative && n <= 1<<63:
		return -int64(n), true
	case n <= math.MaxInt64:
		return int64(n), true
	}
	return 0, false
}

// ---- resp: replies

// replies writes RESP2. Errors stick to the bufio.Writer and end the connection at its next flush.
type replies struct{ *bufio.Writer }

func (w replies) simple(text string) {
	w.WriteByte('+')
	w.WriteString(text)
	w.WriteString("\r\n")
}

// fail writes an error; a line break of the client's in it would end the reply early.
func (w replies) fail(text string) {
	w.WriteString("-ERR ")
	for _, c := range []byte(text) {
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.WriteByte(c)
	}
	w.WriteString("\r\n")
}

func (w replies) head(mark byte, n int64) {
	text := append(w.AvailableBuffer(), mark)
	text = strconv.AppendInt(text, n, 10)
	w.Write(append(text, '\r', '\n'))
}

func (w replies) integer(n int64) { w.head(':', n) }
func (w replies) array(n int)     { w.head('*', int64(n)) }
func (w replies) null()           { w.WriteString("$-1\r\n") }

func (w replies) bulk(value []byte) {
	w.head('$', int64(len(value)))
	w.Write(value)
	w.WriteString("\r\n")
}

func (w replies) text(value string) { w.bulk([]byte(value)) }

// ---- store

type entry struct {
	key      string
	value    []byte // never changed, only replaced: readers use it without the lock
	deadline int64  // milliseconds since 1970, 0 for none
	index    int    // in store.expiries, if it has a deadline
}

type byDeadline []*entry

func (h byDeadline) Len() int           { return len(h) }
func (h byDeadline) Less(i, j int) bool { return h[i].deadline < h[j].deadline }
func (h byDeadline) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *byDeadline) Push(x any) {
	x.(*entry).index = len(*h)
	*h = append(*h, x.(*entry))
}
func (h *byDeadline) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

// store is the map and its lock; every method takes it for itself.
type store struct {
	mu       sync.Mutex
	entries  map[string]*entry
	expiries byDeadline
	sweeper  chan struct{} // has a place for one message: that there is something to sweep
}

func now() int64 { return time.Now().UnixMilli() }

// find returns the living entry of key; one that has expired is removed. The lock is held.
func (s *store) find(key []byte) *entry {
	e := s.entries[string(key)]
	if e != nil && e.deadline != 0 && e.deadline <= now() {
		s.remove(e)
		return nil
	}
	return e
}

func (s *store) remove(e *entry) {
	s.setDeadline(e, 0)
	delete(s.entries, e.key)
}

func (s *store) setDeadline(e *entry, deadline int64) {
	switch {
	case e.deadline == 0 && deadline != 0:
		if len(s.expiries) == 0 {
			select {
			case s.sweeper <- struct{}{}:
			default: // said already
			}
		}
		e.deadline = deadline
		heap.Push(&s.expiries, e)
	case e.deadline != 0 && deadline == 0:
		heap.Remove(&s.expiries, e.index)
		e.deadline = 0
	case e.deadline != 0:
		e.deadline = deadline
		heap.Fix(&s.expiries, e.index)
	}
}

func (s *store) put(key, value []byte, deadline int64) {
	if e := s.entries[string(key)]; e != nil {
		e.value = value
		s.setDeadline(e, deadline)
		return
	}
	e := &entry{key: string(key), value: value}
	s.entries[e.key] = e
	s.setDeadline(e, deadline)
}

func (s *store) get(key []byte) (value []byte, ok bool) {
	s.mu.Lock()
	if e := s.find(key); e != nil {
		value, ok = e.value, true
	}
	s.mu.Unlock()
	return value, ok
}

// set reports whether the condition held and the value was stored.
func (s *store) set(key, value []byte, deadline int64, onlyNew, onlyOld bool) bool {
	value = bytes.Clone(value)
	s.mu.Lock()
	stored := true
	if onlyNew || onlyOld {
		exists := s.find(key) != nil
		stored = exists == onlyOld
	}
	if stored {
		s.put(key, value, deadline)
	}
	s.mu.Unlock()
	return stored
}

func (s *store) setAll(q *request) {
	values := make([][]byte, 0, q.len()/2)
	for i := 2; i < q.len(); i += 2 {
		values = append(values, bytes.Clone(q.arg(i)))
	}
	s.mu.Lock()
	for i, value := range values {
		s.put(q.arg(2*i+1), value, 0)
	}
	s.mu.Unlock()
}

func (s *store) getAll(q *request) [][]byte {
	values := make([][]byte, 0, q.len()-1)
	s.mu.Lock()
	for i := 1; i < q.len(); i++ {
		var value []byte
		if e := s.find(q.arg(i)); e != nil {
			value = e.value
		}
		values = append(values, value)
	}
	s.mu.Unlock()
	return values
}

// count says how many of the request's keys exist, and deletes them if it shall.
func (s *store) count(q *request, delete bool) (n int64) {
	s.mu.Lock()
	for i := 1; i < q.len(); i++ {
		if e := s.find(q.arg(i)); e != nil {
			n++
			if delete {
				s.remove(e)
			}
		}
	}
	s.mu.Unlock()
	return n
}

func (s *store) add(key []byte, delta int64) (int64, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, e := int64(0), s.find(key)
	if e != nil {
		var ok bool
		if n, ok = parseInt(e.value); !ok {
			return 0, notAnInteger
		}
	}
	if delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta {
		return 0, "increment or decrement would overflow"
	}
	n += delta
	value := strconv.AppendInt(nil, n, 10)
	if e != nil {
		e.value = value
	} else {
		s.put(key, value, 0)
	}
	return n, ""
}

// expire reports whether the key exists; a deadline that has passed deletes it.
func (s *store) expire(key []byte, deadline int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil {
		return false
	}
	if deadline <= now() {
		s.remove(e)
	} else {
		s.setDeadline(e, deadline)
	}
	return true
}

// deadline is 0 for a key without one.
func (s *store) deadline(key []byte) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(key); e != nil {
		return e.deadline, true
	}
	return 0, false
}

func (s *store) keys(pattern []byte) []string {
	var found []string
	s.mu.Lock()
	defer s.mu.Unlock()
	now := now()
	for key, e := range s.entries {
		if (e.deadline == 0 || e.deadline > now) && matches(pattern, key) {
			found = append(found, key)
		}
	}
	return found
}

func (s *store) sizes() (keys, expiries int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries), len(s.expiries)
}

func (s *store) flush() {
	s.mu.Lock()
	s.entries, s.expiries = map[string]*entry{}, nil
	s.mu.Unlock()
}

// sweep removes what nobody asks for any more, and sleeps for good while nothing can expire.
func (s *store) sweep() {
	for range s.sweeper {
		for _, expiries := s.sizes(); expiries > 0; _, expiries = s.sizes() {
			time.Sleep(sweepEvery)
			for s.sweepSome() {
			}
		}
	}
}

func (s *store) sweepSome() (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := now()
	for range sweepMost {
		if len(s.expiries) == 0 || s.expiries[0].deadline > now {
			return false
		}
		s.remove(s.expiries[0])
	}
	return true
}

// ---- glob

// matches goes back to the last star only: time grows with the product of both lengths at worst.
func matches(pattern []byte, text string) bool {
	p, t, starP, starT := 0, 0, -1, 0
	for t < len(text) {
		if p < len(pattern) && pattern[p] == '*' {
			starP, starT = p, t
			p++
			continue
		}
		if p < len(pattern) {
			if next, ok := matchesOne(pattern, p, text[t]); ok {
				p = next
				t++
				continue
			}
		}
		if starP < 0 {
			return false
		}
		starT++
		p, t = starP+1, starT
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func matchesOne(pattern []byte, p int, c byte) (next int, ok bool) {
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		return matchesClass(pattern, p+1, c)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	return p + 1, pattern[p] == c
}

func matchesClass(pattern []byte, p int, c byte) (next int, ok bool) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for p < len(pattern) && pattern[p] != ']' {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			ok = ok || pattern[p] == c
		case p+2 < len(pattern) && pattern[p+1] == '-':
			low, high := min(pattern[p], pattern[p+2]), max(pattern[p], pattern[p+2])
			ok = ok || low <= c && c <= high
			p += 2
		default:
			ok = ok || pattern[p] == c
		}
		p++
	}
	return min(p+1, len(pattern)), ok != not
}

// ---- commands

const (
	notAnInteger = "value is not an integer or out of range"
	syntaxError  = "syntax error"
)

type command struct {
	name  string
	arity int // with the name; negative: at least so many
	run   func(c *conn)
}

// Searched from the front: twenty comparisons of short names cost less than a map, and nothing for the first.
var commands []command

func init() {
	commands = []command{
		{"get", 2, get},
		{"set", -3, set},
		{"incr", 2, func(c *conn) { add(c, 1) }},
		{"decr", 2, func(c *conn) { add(c, -1) }},
		{"mget", -2, mget},
		{"mset", -3, mset},
		{"del", -2, func(c *conn) { c.out.integer(c.server.store.count(&c.request, true)) }},
		{"exists", -2, func(c *conn) { c.out.integer(c.server.store.count(&c.request, false)) }},
		{"expire", 3, expire},
		{"ttl", 2, ttl},
		{"ping", -1, ping},
		{"echo", 2, func(c *conn) { c.out.bulk(c.request.arg(1)) }},
		{"keys", 2, keys},
		{"dbsize", 1, dbsize},
		{"flushall", -1, flushall},
		{"info", -1, info},
		{"config", -2, config},
		{"command", -1, commandInfo},
		{"quit", -1, func(c *conn) { c.out.simple("OK"); c.quit = true }},
	}
}

func (c *conn) execute() {
	q := &c.request
	name := q.arg(0)
	for i := range commands {
		cmd := &commands[i]
		if !equalFold(name, cmd.name) {
			continue
		}
		if cmd.arity > 0 && q.len() != cmd.arity || q.len() < -cmd.arity {
			c.wrongNumber(cmd.name)
		} else {
			cmd.run(c)
		}
		return
	}
	c.unknown()
}

// equalFold is for ASCII; lower is in lower case.
func equalFold(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, b := range text {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != lower[i] {
			return false
		}
	}
	return true
}

func (c *conn) wrongNumber(name string) {
	c.out.fail("wrong number of arguments for '" + name + "' command")
}

func (c *conn) unknown() {
	q := &c.request
	text := fmt.Appendf(nil, "unknown command '%.128s', with args beginning with: ", q.arg(0))
	start := len(text)
	for i := 1; i < q.len() && len(text)-start < 128; i++ {
		text = fmt.Appendf(text, "'%.*s' ", 128-(len(text)-start), q.arg(i))
	}
	c.out.fail(string(text))
}

func ping(c *conn) {
	switch c.request.len() {
	case 1:
		c.out.simple("PONG")
	case 2:
		c.out.bulk(c.request.arg(1))
	default:
		c.wrongNumber("ping")
	}
}

func get(c *conn) {
	if value, ok := c.server.store.get(c.request.arg(1)); ok {
		c.out.bulk(value)
	} else {
		c.out.null()
	}
}

func set(c *conn) {
	q := &c.request
	var onlyNew, onlyOld bool
	var unit byte
	var expiry int
	for i := 3; i < q.len(); i++ {
		option := string(bytes.ToLower(q.arg(i)))
		switch {
		case option == "nx" && !onlyOld:
			onlyNew = true
		case option == "xx" && !onlyNew:
			onlyOld = true
		case (option == "ex" || option == "px") && (unit == 0 || unit == option[0]) && i+1 < q.len():
			i++
			unit, expiry = option[0], i
		default:
			c.out.fail(syntaxError)
			return
		}
	}
	deadline := int64(0)
	if unit != 0 {
		n, ok := parseInt(q.arg(expiry))
		if !ok {
			c.out.fail(notAnInteger)
			return
		}
		if deadline, ok = deadlineIn(n, unit == 'e'); !ok || n <= 0 {
			c.out.fail("invalid expire time in 'set' command")
			return
		}
	}
	if c.server.store.set(q.arg(1), q.arg(2), deadline, onlyNew, onlyOld) {
		c.out.simple("OK")
	} else {
		c.out.null()
	}
}

// deadlineIn is the time n seconds or milliseconds from now, if there is such a time.
func deadlineIn(n int64, seconds bool) (int64, bool) {
	if seconds {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			return 0, false
		}
		n *= 1000
	}
	now := now()
	return n + now, n <= math.MaxInt64-now
}

func add(c *conn, delta int64) {
	n, fail := c.server.store.add(c.request.arg(1), delta)
	if fail != "" {
		c.out.fail(fail)
	} else {
		c.out.integer(n)
	}
}

func expire(c *conn) {
	n, ok := parseInt(c.request.arg(2))
	if !ok {
		c.out.fail(notAnInteger)
		return
	}
	deadline, ok := deadlineIn(n, true)
	if !ok {
		c.out.fail("invalid expire time in 'expire' command")
		return
	}
	if c.server.store.expire(c.request.arg(1), deadline) {
		c.out.integer(1)
	} else {
		c.out.integer(0)
	}
}

func ttl(c *conn) {
	deadline, ok := c.server.store.deadline(c.request.arg(1))
	switch {
	case !ok:
		c.out.integer(-2)
	case deadline == 0:
		c.out.integer(-1)
	default:
		c.out.integer((deadline - now() + 500) / 1000)
	}
}

func mget(c *conn) {
	values := c.server.store.getAll(&c.request)
	c.out.array(len(values))
	for _, value := range values {
		if value == nil {
			c.out.null()
		} else {
			c.out.bulk(value)
		}
	}
}

func mset(c *conn) {
	if c.request.len()%2 == 0 {
		c.wrongNumber("mset")
		return
	}
	c.server.store.setAll(&c.request)
	c.out.simple("OK")
}

// Longest pattern of KEYS: matching takes up to its length times the keys', and
// holds everybody up.
const maxPattern = 1024

func keys(c *conn) {
	if len(c.request.arg(1)) > maxPattern {
		c.out.fail("pattern is too long")
		return
	}
	found := c.server.store.keys(c.request.arg(1))
	c.out.array(len(found))
	for _, key := range found {
		c.out.text(key)
	}
}

func dbsize(c *conn) {
	keys, _ := c.server.store.sizes()
	c.out.integer(int64(keys))
}

func flushall(c *conn) {
	q := &c.request
	if q.len() > 2 || q.len() == 2 && !equalFold(q.arg(1), "async") && !equalFold(q.arg(1), "sync") {
		c.out.fail(syntaxError)
		return
	}
	c.server.store.flush()
	c.out.simple("OK")
}

func info(c *conn) {
	s := c.server
	keys, expiries := s.store.sizes()
	keyspace := "# Keyspace\r\n"
	if keys > 0 {
		keyspace += fmt.Sprintf("db0:keys=%d,expires=%d\r\n", keys, expiries)
	}
	sections := []struct{ name, text string }{
		{"server", fmt.Sprintf("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nprocess_id:%d\r\ntcp_port:%d\r\nuptime_in_seconds:%d\r\n",
			os.Getpid(), s.listener.Addr().(*net.TCPAddr).Port, int(time.Since(s.started).Seconds()))},
		{"clients", fmt.Sprintf("# Clients\r\nconnected_clients:%d\r\n", s.connected())},
		{"stats", fmt.Sprintf("# Stats\r\ntotal_commands_processed:%d\r\n", s.served.Load()+c.unreported)},
		{"keyspace", keyspace},
	}
	var text []byte
	for _, section := range sections {
		wanted := c.request.len() == 1
		for i := 1; i < c.request.len(); i++ {
			switch option := string(bytes.ToLower(c.request.arg(i))); option {
			case section.name, "all", "default", "everything":
				wanted = true
			}
		}
		if wanted {
			if len(text) > 0 {
				text = append(text, "\r\n"...)
			}
			text = append(text, section.text...)
		}
	}
	c.out.bulk(text)
}

// config answers what redis-benchmark asks: how the server keeps its data.
func config(c *conn) {
	q := &c.request
	if !equalFold(q.arg(1), "get") {
		c.out.fail("unknown subcommand '" + string(q.arg(1)) + "'. Try CONFIG HELP.")
		return
	}
	if q.len() < 3 {
		c.wrongNumber("config|get")
		return
	}
	var pairs []string
	for _, pair := range [][2]string{{"save", ""}, {"appendonly", "no"}} {
		for i := 2; i < q.len(); i++ {
			if matches(bytes.ToLower(q.arg(i)), pair[0]) {
				pairs = append(pairs, pair[0], pair[1])
				break
			}
		}
	}
	c.out.array(len(pairs))
	for _, text := range pairs {
		c.out.text(text)
	}
}

// commandInfo answers what redis-cli asks for its help: nothing, so it uses its own.
func commandInfo(c *conn) {
	q := &c.request
	switch {
	case q.len() == 1 || equalFold(q.arg(1), "docs") || equalFold(q.arg(1), "info"):
		c.out.array(0)
	case equalFold(q.arg(1), "count"):
		c.out.integer(int64(len(commands)))
	default:
		c.out.fail("unknown subcommand '" + string(q.arg(1)) + "'. Try COMMAND HELP.")
	}
}

// ---- server

type server struct {
	listener     net.Listener
	store        store
	started      time.Time
	writeTimeout time.Duration
	served       atomic.Int64
	stopping     atomic.Bool
	mu           sync.Mutex
	conns        map[*conn]struct{}
	ended        sync.WaitGroup
}

// conn is one client. Reading from it flushes first: whoever waits for input owes no replies.
type conn struct {
	net.Conn
	server     *server
	out        replies
	request    request
	unreported int64 // commands not yet added to server.served
	quit       bool
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	if c.server.stopping.Load() {
		return 0, io.EOF
	}
	return c.Conn.Read(p)
}

// Write is what the bufio.Writer calls: a client that does not read must not keep us for good.
func (c *conn) Write(p []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(c.server.writeTimeout))
	return c.Conn.Write(p)
}

func (c *conn) flush() error {
	if c.unreported > 0 {
		c.server.served.Add(c.unreported)
		c.unreported = 0
	}
	return c.out.Flush()
}

func (c *conn) serve() {
	defer c.server.leave(c)
	c.out = replies{bufio.NewWriterSize(c, bufferSize)}
	r := bufio.NewReaderSize(c, bufferSize)
	for !c.quit {
		if err := c.request.read(r); err != nil {
			var protocol protocolError
			if errors.As(err, &protocol) {
				c.out.fail("Protocol error: " + string(protocol))
				c.flush()
			}
			return
		}
		c.execute()
		c.unreported++
	}
	c.flush()
}

func (s *server) enter(c *conn) {
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.ended.Add(1)
	s.mu.Unlock()
}

func (s *server) leave(c *conn) {
	c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.ended.Done()
}

func (s *server) connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *server) accept() error {
	for {
		stream, err := s.listener.Accept()
		switch {
		case err == nil:
			c := &conn{Conn: stream, server: s} // Go sets TCP_NODELAY by itself
			s.enter(c)
			go c.serve()
		case s.stopping.Load():
			return nil
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
			fmt.Fprintln(os.Stderr, "kv:", err)
			time.Sleep(50 * time.Millisecond)
		default:
			return err
		}
	}
}

// stop wakes who waits for a connection or for input; those who write get a second to finish.
func (s *server) stop() {
	s.stopping.Store(true)
	s.listener.Close()
	s.eachConn(func(c *conn) { c.SetReadDeadline(time.Unix(1, 0)) })
}

func (s *server) eachConn(f func(c *conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		f(c)
	}
}

func (s *server) waitForEnd() {
	late := time.AfterFunc(lastWords, func() { s.eachConn(func(c *conn) { c.Close() }) })
	s.ended.Wait()
	late.Stop()
}

func main() {
	listen := flag.String("listen", "127.0.0.1:6380", "address to listen on; port 0 takes a free one")
	timeout := flag.Float64("write-timeout", 30, "seconds after which a client that does not read is cut off")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "kv: unknown argument '%s'; kv --help says what there is\n", flag.Arg(0))
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kv:", err)
		os.Exit(1)
	}
	s := &server{
		listener:     listener,
		store:        store{entries: map[string]*entry{}, sweeper: make(chan struct{}, 1)},
		started:      time.Now(),
		writeTimeout: time.Duration(*timeout * float64(time.Second)),
		conns:        map[*conn]struct{}{},
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		s.stop()
	}()
	go s.store.sweep()
	fmt.Println("kv: listening on", listener.Addr())
	if err := s.accept(); err != nil {
		fmt.Fprintln(os.Stderr, "kv:", err)
		os.Exit(1)
	}
	s.waitForEnd()
	fmt.Printf("kv: stopped after %d commands\n", s.served.Load())
}
