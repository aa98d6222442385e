//! Opens connections, uses each once and keeps them. Told by lines when to go on: see the row's driver.

use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::sides::echo::{MESSAGE, message};

/// So many come and go first.
const WARM_UP: u64 = 100;

/// Says `warm`, waits for a line, opens the connections, says `open`, and keeps them until its input ends.
///
/// One destination has 28,000 ports at this end, so one address of ours is enough.
pub(super) fn run(to: SocketAddr, connections: u64) -> io::Result<()> {
    drop(open(to, WARM_UP)?);
    let mut commands = io::stdin().lock().lines();
    println!("warm");
    if commands.next().transpose()?.is_none() {
        return Ok(());
    }
    let kept = open(to, connections)?;
    println!("open");
    while commands.next().transpose()?.is_some() {}
    drop(kept);
    Ok(())
}

fn open(to: SocketAddr, connections: u64) -> io::Result<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(connections as usize);
    for i in 0..connections {
        let mut stream = TcpStream::connect(to)?;
        let (sent, mut answer) = (message(i), [0; MESSAGE]);
        stream.write_all(&sent)?;
        stream.read_exact(&mut answer)?;
        if answer != sent {
            return Err(io::Error::other("the echo is not what was sent"));
        }
        open.push(stream);
    }
    Ok(open)
}
