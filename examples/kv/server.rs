//! The listener, the clients, and how it all ends.
//!
//! Stopping: the listener closes, which wakes the accept loop. Each connection is shut for reading, which wakes those
//! who wait for a request; the others finish the command at hand, send its reply and see that they are to stop when
//! they want to read. Who still writes after [`LAST_WORDS`] is closed.

use std::collections::HashMap;
use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rust_routines::channel::{self, RecvTimeoutError};
use rust_routines::net::{self, Shutdown, SocketAddr, TcpListener, TcpStream};
use rust_routines::routine;
use rust_routines::sync::Mutex;
use rust_routines::time::Instant;

use crate::connection;
use crate::store::Store;

const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) write_timeout: Duration,
    pub(crate) served: AtomicU64,
    listener: TcpListener,
    address: SocketAddr,
    started: Instant,
    stopping: AtomicBool,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    next: u64,
    streams: HashMap<u64, TcpStream>,
}

/// A client's place in the list of those to be woken when the server stops.
struct Seat {
    server: Arc<Server>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let stream = self.server.clients.lock().streams.remove(&self.number);
        drop(stream);
    }
}

impl Server {
    pub(crate) fn bind(address: &str, write_timeout: Duration) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        Ok(Server {
            store: Store::new(),
            write_timeout,
            served: AtomicU64::new(0),
            address: listener.local_addr()?,
            listener,
            started: Instant::now(),
            stopping: AtomicBool::new(false),
            clients: Mutex::new(Clients::default()),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn connected(&self) -> usize {
        self.clients.lock().streams.len()
    }

    /// The lines of INFO about the server itself.
    pub(crate) fn describe(&self) -> String {
        format!(
            "server_name:rust-routines kv\r\nredis_mode:standalone\r\nprocess_id:{}\r\n\
             tcp_port:{}\r\nuptime_in_seconds:{}\r\n",
            process::id(),
            self.address.port(),
            self.started.elapsed().as_secs(),
        )
    }

    /// Serves until [`stop`](Server::stop), and returns when the last client is gone.
    pub(crate) fn run(self: &Arc<Server>) -> io::Result<()> {
        let server = self.clone();
        routine::spawn(move || server.store.sweep());
        // Nothing is sent: the channel ends when the last client has dropped its half.
        let (here, all_gone) = channel::bounded::<()>(0);
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if net::is_closed(&error) => break,
                Err(error) => return Err(error),
            };
            let here = here.clone();
            let seat = match self.seat(&stream) {
                Ok(seat) => seat,
                Err(error) => {
                    eprintln!("kv: a client was sent away: {error}");
                    continue;
                }
            };
            let client = routine::Builder::new().spawn(move || {
                connection::serve(seat.server.clone(), stream);
                drop(seat);
                drop(here);
            });
            if let Err(error) = client {
                eprintln!("kv: no routine for a client, who was sent away: {error}");
            }
        }
        drop(here);
        if all_gone.recv_timeout(LAST_WORDS) == Err(RecvTimeoutError::Timeout) {
            self.close_all();
            // Closing wakes whoever reads or writes.
            let _everybody_gone = all_gone.recv();
        }
        Ok(())
    }

    fn seat(self: &Arc<Server>, stream: &TcpStream) -> io::Result<Seat> {
        let stream = stream.try_clone()?;
        let mut clients = self.clients.lock();
        let number = clients.next;
        clients.next += 1;
        clients.streams.insert(number, stream);
        Ok(Seat {
            server: self.clone(),
            number,
        })
    }

    /// Begins the end; from any thread.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Both fail if there is nothing left to stop, which is what is wanted.
        let _closed_before = self.listener.close();
        for stream in self.clients.lock().streams.values() {
            let _gone_already = stream.shutdown(Shutdown::Read);
        }
    }

    fn close_all(&self) {
        for stream in self.clients.lock().streams.values() {
            let _closed_already = stream.close();
        }
    }
}
