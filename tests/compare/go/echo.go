package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// messageSize is what is sent and comes back.
const messageSize = 64

// bufferSize is what a connection reads into.
const bufferSize = 1024

// serveEcho accepts connections and echoes on each, until the listener is
// closed. Connections of package net have Nagle's algorithm off by default.
func serveEcho(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go echoBack(conn)
	}
}

func echoBack(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, bufferSize)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

// echo is n round trips in all over so many connections, each with a goroutine
// on either side, all in this process.
func echo(connections int) func(n int) sample {
	return func(n int) sample {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		go serveEcho(ln)
		share := max(n/connections, 1)
		all := make([][]time.Duration, connections)
		start := make(chan struct{})
		var ready, done sync.WaitGroup
		ready.Add(connections)
		done.Add(connections)
		for i := range connections {
			go func() {
				conn, err := net.Dial("tcp", ln.Addr().String())
				check(err)
				defer conn.Close()
				roundTrips(conn, max(share/10, 1)) // warm-up
				ready.Done()
				<-start
				all[i] = roundTrips(conn, share)
				done.Done()
			}()
		}
		ready.Wait()
		began := time.Now()
		close(start)
		done.Wait()
		elapsed := time.Since(began)
		check(ln.Close())
		s := latencies(slices.Concat(all...))
		s.Value = float64(share*connections) / elapsed.Seconds()
		return s
	}
}

// roundTrips sends a message and reads it back, n times; it gives the time each took.
func roundTrips(conn net.Conn, n int) []time.Duration {
	all := make([]time.Duration, 0, n)
	var message, answer [messageSize]byte
	for i := range n {
		binary.LittleEndian.PutUint64(message[:], uint64(i))
		sent := time.Now()
		_, err := conn.Write(message[:])
		check(err)
		_, err = io.ReadFull(conn, answer[:])
		check(err)
		all = append(all, time.Since(sent))
		if answer != message {
			log.Fatal("the echo is not what was sent")
		}
	}
	return all
}

// serve is the echo server as a process of its own: it says its address and
// serves until its input ends, which it does when the one who started it is gone.
func serve() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	go serveEcho(ln)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// check ends the program: a benchmark that goes on after an error measures nothing.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
